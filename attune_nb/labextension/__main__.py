"""`python -m attune_nb.labextension`: rename the script of the extension after a change."""

import sys

from attune_nb.labextension import rename_entry

sys.stdout.write(f"{rename_entry()}\n")
