"""Event files of TensorBoard, written by its own package: scalars, histograms by tag and step."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from patchspec.problems import refuse

Array = np.ndarray[Any, Any]


def require_tensorboard() -> None:
    """Refuse (PS960) where the package is missing."""
    if find_spec("tensorboard") is None:
        refuse(
            "PS960",
            "`Watch` needs the package `tensorboard`, which is not installed",
            hint='pip install "patchspec[tensorboard]"',
        )


class EventLog:
    """One event file in a folder, which is made with the first value; TensorFlow is not needed."""

    def __init__(self, folder: Path) -> None:
        """PS960 without TensorBoard's package."""
        require_tensorboard()
        from tensorboard.summary.writer import event_file_writer  # noqa: PLC0415 (an extra)

        self._writer = event_file_writer.EventFileWriter(str(folder))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Add a number; one that is NaN or infinite is written as it is."""
        from tensorboard.compat.proto import summary_pb2  # noqa: PLC0415 (an extra)

        said = summary_pb2.Summary.Value(tag=tag, simple_value=float(value))
        self._add(summary_pb2.Summary(value=[said]), step)

    def histogram(self, tag: str, values: Array, step: int) -> None:
        """Add the spread of those values that are finite; none is written where there are none."""
        from tensorboard.plugins.histogram import summary_v2  # noqa: PLC0415 (an extra)

        flat = np.asarray(values, np.float64).reshape(-1)
        flat = flat[np.isfinite(flat)]
        if flat.size:
            self._add(summary_v2.histogram_pb(tag, flat), step)

    def _add(self, summary: Any, step: int) -> None:
        from tensorboard.compat.proto import event_pb2  # noqa: PLC0415 (an extra)

        event = event_pb2.Event(wall_time=time.time(), step=step, summary=summary)
        self._writer.add_event(event)

    def flush(self) -> None:
        """Have everything on the disk."""
        self._writer.flush()

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
