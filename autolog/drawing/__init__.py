"""Drawing what was recorded, when somebody looks: pictures by matplotlib, and the diagram of an estimator."""

from __future__ import annotations

__all__: list[str] = []
