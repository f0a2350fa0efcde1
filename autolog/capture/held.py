"""What a framework's own container of data was made from: known by the container's identity, for as long as it lives.

Such a container (a `DMatrix`, a `Dataset`) does not give its data back without a copy, or not at all; so the data is
described when it is taken in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autolog.capture.data import dataset_facts, signature
from autolog.capture.identity import ByIdentity
from autolog.hookspecs import DataDescription
from autolog.values import type_name

if TYPE_CHECKING:
    from autolog.capture.calls import Call
    from autolog.recording.runs import ActiveRun

__all__ = ["Held", "forget", "held_by", "held_of", "hold", "is_wanted", "log_inputs", "remember"]


@dataclass(frozen=True)
class Held:
    """What is known of the data in a container.

    Args:
        facts: of the dataset, as `dataset_facts` gives them.
        signature: of a model that is trained on it.
        name: the user's, of the data itself; None where it has none.
    """

    facts: Mapping[str, Any]
    signature: Mapping[str, Any]
    name: str | None


def is_wanted(call: Call) -> bool:
    """Say whether anything is to be recorded of the data in containers, so that describing it is worth the time."""
    return call.records and (call.settings.log_datasets or call.settings.log_model_signatures)


def hold(call: Call, container: object, data: object, target: object) -> Held | None:
    """Describe the data that goes into a container, and remember it with the container; this reads the data.

    Args:
        call: that puts it in, or trains on it.
        container: a framework's object.
        data: the inputs.
        target: what is to be predicted, None where it comes later.

    Returns:
        What is known; None for data of None.
    """
    inputs = call.describe(data)
    if inputs is None:
        return None
    return remember(container, held_of(inputs, call.describe(target), call.variable_name(data)))


def remember(container: object, held: Held) -> Held:
    """Remember what is known of the data in a container, and give it."""
    _held[container] = held
    return held


def held_of(inputs: DataDescription, outputs: DataDescription | None, name: str | None = None) -> Held:
    """Give what is known of data by its description, which is read."""
    return Held(dataset_facts("", inputs, outputs, "", None), signature(inputs, outputs), name)


def held_by(container: object) -> Held | None:
    """Give what is known of the data in a container; None where it was made unseen."""
    found: Held | None = _held.get(container)
    return found


def forget(container: object) -> None:
    """Forget what is known of a container, whose data has changed."""
    _held.pop(container)


def log_inputs(
    call: Call,
    run: ActiveRun,
    containers: Sequence[tuple[object, str, str]],
    known: Callable[[Call, Any], Held],
    further: Iterable[tuple[str, Any]],
) -> None:
    """Record containers of data as inputs of a run, as far as the settings have it, and the signature of the first.

    Args:
        call: that trains.
        run: the run.
        containers: each with a name, where the user has none for it, and what it is used for.
        known: gives what is known of a container's data.
        further: what the first holds besides for each row or group, such as weights, by name.
    """
    first = known(call, containers[0][0])
    if call.settings.log_model_signatures:
        run.log_facts("signature", first.signature)
    if not call.settings.log_datasets:
        return
    for number, (container, name, context) in enumerate(containers):
        held = known(call, container) if number else first
        source = {"container": type_name(container), "made_from": held.name}
        names = {"name": call.variable_name(container) or name, "context": context, "source": source}
        run.log_facts("dataset", {**held.facts, **names})
    for name, array in further:
        described = call.describe(array)
        if described is not None:
            run.log_facts("dataset", dataset_facts(name, described, None, name, None))


_held = ByIdentity()
