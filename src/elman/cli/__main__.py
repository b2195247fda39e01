"""``python -m elman.cli`` is ``elman``, as ``python -m elman`` is."""

import sys

from elman.cli.main import main

sys.exit(main())
