"""`python -m patchspec`."""

from patchspec.cli.main import main

raise SystemExit(main())
