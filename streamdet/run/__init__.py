"""One run on one machine from start to end; `streamdet.run(...)` runs a graph: see api.run.

Python binds every imported package to its name in its parent, so that `streamdet.run` is this
package as soon as anything of it is imported: the package itself can be called.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Run a graph: see streamdet.api.run."""
        return import_module("streamdet.api").run(*arguments, **options)


sys.modules[__name__].__class__ = _CallablePackage
