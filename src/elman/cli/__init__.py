"""The command line: flags → task → print."""

from elman.cli.main import main as main
