"""The destination: batches of events become runs at an MLflow server.

What it takes to do so is imported with this module, when autolog is enabled, and not by the thread that delivers: while
the program computes, the interpreter changes hands with each file that a thread opens, which both feel.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpcore  # noqa: F401  httpx loads it with its first client …
import httpx  # noqa: F401  … and our client this, when it first asks something

from autolog.hookspecs import Backend, Batch, Delivery
from autolog_http.client import Client, ServerError
from autolog_http.sending import REST, Sender
from autolog_http.tree import Tree, whole

__all__ = ["MLflowBackend"]


class MLflowBackend(Backend):
    """Delivers to one server.

    Args:
        uri: its address.
    """

    patient = ("journal", "candidate", "split", "beat")
    patience = REST

    def __init__(self, uri: str) -> None:
        self._client = Client(uri)
        self._senders: dict[str, Sender] = {}

    def deliver(self, batch: Batch) -> Delivery:
        """Bring the server up to date with a batch; doing it again changes nothing."""
        return self._answer(batch.tree, lambda: self._sender(batch).deliver(batch, hurries=self.hurries))

    def settle(self, tree: str, folder: Path) -> Delivery:
        """Say how the runs ended that nobody ended, and send the journals themselves."""
        said = self._answer(tree, lambda: self._whole(tree, folder).settle())
        if said.state == "done":
            self._senders.pop(tree, None)
        return said

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _sender(self, batch: Batch) -> Sender:
        """Give what is known of a top-level run, learnt anew where somebody else has delivered in between."""
        known = self._senders.get(batch.tree)
        if known is None or not known.tree.is_at(batch.delivered):
            tree = Tree(batch.tree, batch.folder, batch.delivered, batch.earlier())
            known = self._senders[batch.tree] = Sender(self._client, tree)
        return known

    def _whole(self, tree: str, folder: Path) -> Sender:
        """Give what is known of a top-level run when all of it was handed over, to whomever."""
        known = self._senders.get(tree)
        found = whole(tree, folder, known.tree if known is not None else None)
        if known is None or known.tree is not found:
            known = self._senders[tree] = Sender(self._client, found)
        return known

    def _answer(self, tree: str, send: Callable[[], list[str]]) -> Delivery:
        """Say what became of it. After a failure it is not known what the server has: it is asked again."""
        aside = None
        try:
            aside = send()
            return Delivery("done", aside=aside)
        except ServerError as error:
            return Delivery("retry", str(error), after=error.after)
        finally:
            if aside is None and tree in self._senders:
                self._senders[tree].forget()
