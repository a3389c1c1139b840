"""Networks in torch: one paper is one file. A worker that runs an exported network never comes here.

Every network is an `nn.Module` whose tensors have fixed shapes, so that it can be exported (see
building/): pictures in, named tensors out. What a detector does with these tensors stands in
detectors/.
"""

from __future__ import annotations
