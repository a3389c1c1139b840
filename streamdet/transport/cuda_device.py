"""A GPU as one process sees it: the only module of the pipeline that uses PyCUDA.

It works in the device's primary context, which torch and the decoder use too, and on one stream.
A context is of the thread that opened the device: a worker opens and uses it in its main thread.
"""

from __future__ import annotations

import atexit
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.errors import ConfigError, EngineError, TransportError, to_install
from streamdet.image import DevicePixels, Pixels
from streamdet.kernels.driver import why_too_old
from streamdet.kernels.launch import DeviceArray, Launch
from streamdet.kernels.ptx import ptx

_opened: Final[dict[str, CudaDevice]] = {}


class CudaError(TransportError):
    """The GPU failed at something: this process cannot go on with it, a new one may."""


def open_device(name: str) -> CudaDevice:
    """Open a device, or take another hold of it; `close` gives it back.

    Args:
        name: cuda:0 for the first.

    Raises:
        ConfigError: this machine has no such device, or not what it takes to use it.
    """
    if name not in _opened:
        _opened[name] = CudaDevice(name)
    _opened[name].holders += 1
    return _opened[name]


def check_device(name: str) -> None:
    """Look whether a device can be used; no memory of it is taken.

    Raises:
        ConfigError: it cannot: the text says what is missing.
    """
    _find(name)


class CudaDevice:
    """One GPU; made by `open_device`.

    Attributes:
        name: cuda:0 for the first.
        stream: of PyCUDA; everything here happens on it, in order.
        holders: how many have opened and not closed it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.holders = 0
        self._cuda, device = _find(name)
        with _named(f"{name} cannot be opened"):
            self._context = device.retain_primary_context()
            self._context.push()
            self.stream = self._cuda.Stream()
        self._imported: dict[bytes, tuple[Any, int]] = {}
        self._modules: dict[str, Any] = {}
        self._lasting: list[Any] = []
        self._staging: Any = None
        self._spare: Any = None
        atexit.register(self._release)

    def close(self) -> None:
        """Give the device back: the last holder releases its context."""
        self.holders -= 1
        if self.holders == 0:
            _opened.pop(self.name, None)
            self._release()

    def _release(self) -> None:
        """Leave the context in order: PyCUDA ends the process if it is still current at exit."""
        if self._context is None:
            return
        atexit.unregister(self._release)
        if self._spare is not None:
            self._spare.stop_holding()
        self._staging = self._spare = self.stream = None
        self._modules.clear()
        for memory in self._lasting:
            memory.free()
        self._lasting.clear()
        self._cuda.Context.pop()
        self._context.detach()
        self._context = None

    @property
    def model(self) -> str:
        """The GPU's name, as its driver says it."""
        return str(self._cuda.Device(int(self.name.removeprefix("cuda:"))).name())

    @property
    def stream_address(self) -> int:
        """Address of `stream`, as CUDA's libraries take it."""
        return int(self.stream.handle)

    def free_bytes(self) -> int:
        """Memory of the device that is free, over all processes."""
        return int(self._cuda.mem_get_info()[0])

    def allocate(self, size: int) -> Any:
        """Take memory: an object whose `int` is its address and whose `free` gives it back.

        Raises:
            ConfigError: there is not so much.
        """
        try:
            return self._cuda.mem_alloc(size)
        except self._cuda.MemoryError as exc:
            raise ConfigError(
                f"GPU memory is full: {size >> 20} MiB wanted on {self.name},"
                f" {self.free_bytes() >> 20} MiB are free"
            ) from exc

    def array(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> DeviceArray:
        """Make room for a tensor of a network; it stays until the device is closed.

        Raises:
            EngineError: there is not so much memory.
        """
        made = DeviceArray(0, shape, np.dtype(dtype))
        if not made.nbytes:
            return made
        try:
            memory = self.allocate(made.nbytes)
        except ConfigError as exc:
            raise EngineError(f"the network does not fit on {self.name}: {exc}") from exc
        self._lasting.append(memory)
        return DeviceArray(int(memory), shape, made.dtype)

    def memory_handle(self, memory: Any) -> bytes:
        """What another process needs for `open_memory`."""
        return bytes(self._cuda.mem_get_ipc_handle(memory))

    def open_memory(self, handle: bytes) -> int:
        """Map memory of another process, once however often it is asked for; returns its address.

        Raises:
            EngineError: that process has ended.
        """
        memory, holders = self._imported.get(handle, (None, 0))
        if memory is None:
            try:
                memory = self._cuda.IPCMemoryHandle(bytearray(handle))
            except self._cuda.Error as exc:
                raise EngineError(
                    f"the process that holds the images on {self.name} has ended, and they with"
                    " it: start the run again"
                ) from exc
        self._imported[handle] = (memory, holders + 1)
        return int(memory)

    def close_memory(self, handle: bytes) -> None:
        """Give mapped memory back: the last holder unmaps it."""
        memory, holders = self._imported.pop(handle)
        if holders > 1:
            self._imported[handle] = (memory, holders - 1)
        else:
            memory.close()

    def new_event(self) -> Any:
        """Make an event that other processes may open."""
        flags = self._cuda.event_flags
        return self._cuda.Event(flags.INTERPROCESS | flags.DISABLE_TIMING)

    def open_event(self, handle: bytes) -> Any:
        """Open an event of another process."""
        with _named(f"an event on {self.name} cannot be opened"):
            return self._cuda.Event.from_ipc_handle(bytearray(handle))

    def private(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> DevicePixels:
        """Make room for an image that no other process reads; it is reused when nobody has it."""
        if self._spare is None:
            from pycuda.tools import DeviceMemoryPool

            self._spare = DeviceMemoryPool()
        with _named(f"GPU memory is full: an image of {shape} cannot be kept on {self.name}"):
            memory = self._spare.allocate(max(math.prod(shape) * dtype.itemsize, 1))
        return DevicePixels(self.name, int(memory), shape, dtype, owner=memory)

    def upload(self, write: Callable[[Pixels], None], to: DevicePixels | DeviceArray) -> None:
        """Copy an image or an array to the device, after what came before.

        Args:
            write: writes it into what it is given, at once.
            to: where to.

        Raises:
            ValueError: it is a reader's image.
        """
        if isinstance(to, DevicePixels) and not to.is_writable:
            raise ValueError("the image is read-only: only a claimed slot may be written to")
        if not to.nbytes:
            return
        with _named(f"an image cannot be copied to {self.name}"):
            staged = self._pinned(to)
            write(staged)
            self._cuda.memcpy_htod_async(to.pointer, staged, self.stream)

    def run(self, file: str, launches: Sequence[Launch]) -> None:
        """Have kernels run, one after the other, after what came before.

        Args:
            file: of engines/kernels, without suffix.
            launches: of its kernels.

        Raises:
            EngineError: the kernels cannot be compiled or loaded.
        """
        for launch in launches:
            kernel = self._kernel(file, launch.kernel)
            with _named(f"kernel {launch.kernel} failed on {self.name}"):
                kernel(
                    *launch.arguments,
                    grid=launch.grid,
                    block=launch.block,
                    shared=launch.shared_bytes,
                    stream=self.stream,
                )

    def _kernel(self, file: str, name: str) -> Any:
        try:
            if file not in self._modules:
                self._modules[file] = self._cuda.module_from_buffer(ptx(file) + b"\0")
            return self._modules[file].get_function(name)
        except self._cuda.Error as exc:
            raise EngineError(
                f"kernel {name} of {file}.cu cannot be loaded on {self.name}: {exc}"
            ) from exc

    def _pinned(self, image: DevicePixels | DeviceArray) -> npt.NDArray[Any]:
        """Memory that the device reads by itself, once the last upload has been read from it."""
        self.stream.synchronize()
        if self._staging is None or self._staging.nbytes < image.nbytes:
            self._staging = self._cuda.pagelocked_empty(image.nbytes, np.uint8)
        staged: npt.NDArray[Any] = self._staging[: image.nbytes]
        return staged.view(image.dtype).reshape(image.shape)

    def download(self, pixels: DevicePixels | DeviceArray) -> npt.NDArray[Any]:
        """Copy an image or an array to the CPU, after all that came before."""
        found = np.empty(pixels.shape, pixels.dtype)
        if not found.size:
            return found
        with _named(f"an image cannot be copied from {self.name}"):
            self._cuda.memcpy_dtoh_async(found, pixels.pointer, self.stream)
            self.stream.synchronize()
        return found

    def copy(self, given: DeviceArray, to: DeviceArray) -> None:
        """Copy within the device's memory, after what came before; both are of one size."""
        with _named(f"an image cannot be copied on {self.name}"):
            self._cuda.memcpy_dtod_async(to.pointer, given.pointer, given.nbytes, self.stream)

    def record(self, event: Any) -> None:
        """Have an event happen after all that came before."""
        with _named(f"{self.name} failed"):
            event.record(self.stream)

    def wait_for(self, event: Any) -> None:
        """Have what comes next wait for an event."""
        with _named(f"{self.name} failed"):
            self.stream.wait_for_event(event)

    def synchronize(self) -> None:
        """Wait until everything has been done.

        Raises:
            CudaError: something failed.
        """
        with _named(f"{self.name} failed"):
            self.stream.synchronize()


@contextmanager
def _named(what: str) -> Iterator[None]:
    import pycuda.driver as cuda

    try:
        yield
    except cuda.Error as exc:
        raise CudaError(f"{what}: {exc}") from exc


def _find(name: str) -> tuple[Any, Any]:
    """PyCUDA's driver and the device."""
    cuda = _driver(name)
    index, count = int(name.removeprefix("cuda:")), cuda.Device.count()
    if index >= count:
        gpus = "1 GPU, cuda:0" if count == 1 else f"{count} GPUs, cuda:0 to cuda:{count - 1}"
        raise ConfigError(f"device {name} does not exist: this machine has {gpus}")
    return cuda, cuda.Device(index)


def _driver(name: str) -> Any:
    """Import and start PyCUDA."""
    try:
        import pycuda.driver as cuda
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f"device {name} needs PyCUDA, which is not installed: {to_install('gpu')}"
        ) from exc
    except ImportError as exc:
        raise ConfigError(
            f"device {name} needs NVIDIA's driver, which cannot be loaded ({exc}): install it, or"
            " leave `device` out to run on the CPU"
        ) from exc
    try:
        cuda.init()
    except cuda.Error as exc:
        raise ConfigError(
            f"device {name} cannot be used ({exc}): see what nvidia-smi says, or leave `device` out"
            " to run on the CPU"
        ) from exc
    if reason := why_too_old(cuda.get_driver_version()):
        raise ConfigError(f"device {name} cannot be used: {reason}")
    return cuda
