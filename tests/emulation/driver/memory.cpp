// Memory of the device: each allocation is a memfd, which other processes reach by its descriptor.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>

#include "internal.h"

namespace emulation {
namespace {

constexpr uint64_t kAlign = 512, kPage = 4096;

uint64_t whole(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

struct Allocation {
    uint64_t bytes;
    int file;
    int ledger_entry;
    Process owner;
    bool is_imported;
};

struct MemoryHandle {
    int32_t file, ledger_entry;
    Process owner;
    uint64_t bytes;
};
static_assert(sizeof(MemoryHandle) <= sizeof(CUipcMemHandle));

struct Memory {
    std::mutex mutex;
    std::map<CUdeviceptr, Allocation> all;
    std::map<const char*, size_t> pinned;
};

Memory& memory() {
    static auto* it = new Memory;
    return *it;
}

// Its end meets a page that nobody may touch, so that a kernel that writes too far is caught.
CUdeviceptr mapped(int file, uint64_t bytes) {
    const uint64_t pages = whole(bytes, kPage);
    void* at = mmap(nullptr, pages + kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
    if (at == MAP_FAILED) return 0;
    if (mmap(at, pages, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED)
        return 0;
    return reinterpret_cast<CUdeviceptr>(at) + pages - whole(bytes, kAlign);
}

void unmap(CUdeviceptr at, const Allocation& it) {
    const uint64_t pages = whole(it.bytes, kPage);
    munmap(reinterpret_cast<void*>(at - (pages - whole(it.bytes, kAlign))), pages + kPage);
    close(it.file);
    ledger_release(it.ledger_entry);
}

bool is_lost(const Allocation& it) {
    return it.is_imported && std::string(setting("EMULATED_CUDA_ORPHANS", "kept")) == "fault" &&
           !is_alive(it.owner);
}

std::map<CUdeviceptr, Allocation>::iterator holding(CUdeviceptr at) {
    auto after = memory().all.upper_bound(at);
    if (after == memory().all.begin()) return memory().all.end();
    auto it = std::prev(after);
    return at < it->first + it->second.bytes ? it : memory().all.end();
}

CUresult add(CUdeviceptr* at, const Allocation& it) {
    *at = mapped(it.file, it.bytes);
    if (!*at) return CUDA_ERROR_OUT_OF_MEMORY;
    memory().all[*at] = it;
    return CUDA_SUCCESS;
}

CUresult remove(CUdeviceptr at, bool is_imported) {
    TRY(usable_in_context());
    synchronize_streams();
    const std::lock_guard guard(memory().mutex);
    auto it = memory().all.find(at);
    if (it == memory().all.end() || it->second.is_imported != is_imported)
        return CUDA_ERROR_INVALID_VALUE;
    unmap(at, it->second);
    memory().all.erase(it);
    return CUDA_SUCCESS;
}

char* bytes_at(CUdeviceptr at) { return reinterpret_cast<char*>(at); }

Task copying(CUdeviceptr check, void* to, const void* from, size_t bytes) {
    return [=]() -> CUresult {
        TRY(check_reachable(check, bytes));
        std::memcpy(to, from, bytes);
        return CUDA_SUCCESS;
    };
}

template <typename T>
CUresult fill(CUstream stream, CUdeviceptr at, T value, size_t count, bool is_async) {
    TRY(usable_in_context());
    TRY(check_reachable(at, count * sizeof(T)));
    Stream* on = stream_of(stream);
    const uint64_t ticket = on->submit([=]() -> CUresult {
        TRY(check_reachable(at, count * sizeof(T)));
        std::fill_n(reinterpret_cast<T*>(at), count, value);
        return CUDA_SUCCESS;
    });
    if (!is_async) on->wait(ticket);
    return fault();
}

}  // namespace

CUresult check_reachable(CUdeviceptr at, uint64_t bytes) {
    if (!bytes) return CUDA_SUCCESS;
    const std::lock_guard guard(memory().mutex);
    auto it = holding(at);
    if (it == memory().all.end() || at + bytes > it->first + it->second.bytes)
        return CUDA_ERROR_INVALID_VALUE;
    return is_lost(it->second) ? CUDA_ERROR_ILLEGAL_ADDRESS : CUDA_SUCCESS;
}

CUresult check_arguments(const void* values, size_t size) {
    const std::lock_guard guard(memory().mutex);
    CUdeviceptr at;
    if (size != sizeof at) return CUDA_SUCCESS;
    std::memcpy(&at, values, sizeof at);
    auto it = holding(at);
    return it != memory().all.end() && is_lost(it->second) ? CUDA_ERROR_ILLEGAL_ADDRESS : CUDA_SUCCESS;
}

bool is_pinned(const void* host) {
    const std::lock_guard guard(memory().mutex);
    auto after = memory().pinned.upper_bound(static_cast<const char*>(host));
    if (after == memory().pinned.begin()) return false;
    auto it = std::prev(after);
    return static_cast<const char*>(host) < it->first + it->second;
}

void free_all_memory() {
    const std::lock_guard guard(memory().mutex);
    for (auto& [at, it] : memory().all) unmap(at, it);
    memory().all.clear();
}

}  // namespace emulation

using namespace emulation;

extern "C" {

CUresult cuMemAlloc(CUdeviceptr* at, size_t bytes) {
    TRY(usable_in_context());
    if (!bytes) return CUDA_ERROR_INVALID_VALUE;
    const std::lock_guard guard(memory().mutex);
    const int entry = ledger_add(bytes);
    if (entry == kNoRoom) return CUDA_ERROR_OUT_OF_MEMORY;
    const int file = memfd_create("emulated CUDA memory", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, whole(bytes, kPage))) return CUDA_ERROR_OUT_OF_MEMORY;
    return add(at, {bytes, file, entry, this_process(), false});
}
CUresult cuMemFree(CUdeviceptr at) { return at ? remove(at, false) : CUDA_SUCCESS; }
CUresult cuMemGetInfo(size_t* free, size_t* total) {
    TRY(usable_in_context());
    *total = device_bytes();
    *free = *total - ledger_used_bytes();
    return CUDA_SUCCESS;
}
CUresult cuIpcGetMemHandle(CUipcMemHandle* handle, CUdeviceptr at) {
    TRY(usable_in_context());
    const std::lock_guard guard(memory().mutex);
    auto it = holding(at);
    if (it == memory().all.end() || it->second.is_imported) return CUDA_ERROR_INVALID_VALUE;
    const MemoryHandle made{it->second.file, it->second.ledger_entry, this_process(), it->second.bytes};
    std::memset(handle, 0, sizeof *handle);
    std::memcpy(handle, &made, sizeof made);
    return CUDA_SUCCESS;
}
CUresult cuIpcOpenMemHandle(CUdeviceptr* at, CUipcMemHandle handle, unsigned flags) {
    TRY(usable_in_context());
    MemoryHandle found;
    std::memcpy(&found, &handle, sizeof found);
    if (flags != CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS) return CUDA_ERROR_INVALID_VALUE;
    if (found.owner.pid == getpid()) return CUDA_ERROR_INVALID_CONTEXT;
    if (!is_alive(found.owner)) return CUDA_ERROR_INVALID_HANDLE;
    const std::lock_guard guard(memory().mutex);
    for (auto& [_, it] : memory().all)
        if (it.is_imported && it.ledger_entry == found.ledger_entry &&
            it.owner.pid == found.owner.pid && !is_lost(it))
            return CUDA_ERROR_ALREADY_MAPPED;
    const auto path =
        "/proc/" + std::to_string(found.owner.pid) + "/fd/" + std::to_string(found.file);
    const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) return CUDA_ERROR_INVALID_HANDLE;
    ledger_hold(found.ledger_entry);
    return add(at, {found.bytes, file, found.ledger_entry, found.owner, true});
}
CUresult cuIpcCloseMemHandle(CUdeviceptr at) { return remove(at, true); }

CUresult cuMemHostAlloc(void** at, size_t bytes, unsigned) {
    TRY(usable_in_context());
    const std::lock_guard guard(memory().mutex);
    *at = std::aligned_alloc(kPage, whole(bytes, kPage));
    memory().pinned[static_cast<char*>(*at)] = bytes;
    return CUDA_SUCCESS;
}
CUresult cuMemAllocHost(void** at, size_t bytes) { return cuMemHostAlloc(at, bytes, 0); }
CUresult cuMemFreeHost(void* at) {
    synchronize_streams();
    const std::lock_guard guard(memory().mutex);
    if (!memory().pinned.erase(static_cast<char*>(at))) return CUDA_ERROR_INVALID_VALUE;
    std::free(at);
    return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoD(CUdeviceptr to, const void* from, size_t bytes) {
    TRY(usable_in_context());
    TRY(check_reachable(to, bytes));
    return run_now(copying(to, bytes_at(to), from, bytes));
}
CUresult cuMemcpyDtoH(void* to, CUdeviceptr from, size_t bytes) {
    TRY(usable_in_context());
    TRY(check_reachable(from, bytes));
    return run_now(copying(from, to, bytes_at(from), bytes));
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
    TRY(usable_in_context());
    TRY(check_reachable(to, bytes));
    if (is_pinned(from)) {
        stream_of(stream)->submit(copying(to, bytes_at(to), from, bytes));
        return CUDA_SUCCESS;
    }
    // The driver has read pageable memory when the call returns.
    const auto* first = static_cast<const char*>(from);
    auto staged = std::make_shared<std::vector<char>>(first, first + bytes);
    stream_of(stream)->submit([=] { return copying(to, bytes_at(to), staged->data(), bytes)(); });
    return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoHAsync(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
    TRY(usable_in_context());
    TRY(check_reachable(from, bytes));
    Stream* on = stream_of(stream);
    const uint64_t ticket = on->submit(copying(from, to, bytes_at(from), bytes));
    if (!is_pinned(to)) on->wait(ticket);
    return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
    TRY(usable_in_context());
    TRY(check_reachable(from, bytes));
    TRY(check_reachable(to, bytes));
    stream_of(stream)->submit(copying(from, bytes_at(to), bytes_at(from), bytes));
    return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
    return cuMemcpyDtoDAsync(to, from, bytes, nullptr);
}
CUresult cuMemsetD8(CUdeviceptr at, unsigned char v, size_t n) { return fill(nullptr, at, v, n, false); }
CUresult cuMemsetD32(CUdeviceptr at, unsigned v, size_t n) { return fill(nullptr, at, v, n, false); }
CUresult cuMemsetD8Async(CUdeviceptr at, unsigned char v, size_t n, CUstream s) { return fill(s, at, v, n, true); }
CUresult cuMemsetD32Async(CUdeviceptr at, unsigned v, size_t n, CUstream s) { return fill(s, at, v, n, true); }

}  // extern "C"
