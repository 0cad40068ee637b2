"""The real sidecar: got as a Go tool, run in tmux, with its state kept apart."""

from .installation import settings


def prepare():
    pass


def recall():
    pass
