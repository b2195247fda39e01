"""Checks that a cell, a head or a task keeps its promises: Elman's own, or yours."""

from elman.testing.cells import CELL_CHECKS, cell_checks, check_cell, registered_cells
from elman.testing.heads import HEAD_CHECKS, HeadCase, check_head, head_checks, registered_heads
from elman.testing.sequence_heads import (
    SEQUENCE_HEAD_CHECKS,
    SequenceHeadCase,
    check_sequence_head,
    sequence_head_checks,
)
from elman.testing.task_case import TaskCase
from elman.testing.tasks import TASK_CHECKS, check_task, registered_tasks, task_checks

__all__ = [
    "CELL_CHECKS",
    "HEAD_CHECKS",
    "SEQUENCE_HEAD_CHECKS",
    "TASK_CHECKS",
    "HeadCase",
    "SequenceHeadCase",
    "TaskCase",
    "cell_checks",
    "check_cell",
    "check_head",
    "check_sequence_head",
    "check_task",
    "head_checks",
    "registered_cells",
    "registered_heads",
    "registered_tasks",
    "sequence_head_checks",
    "task_checks",
]
