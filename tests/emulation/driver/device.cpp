// Driver, device and contexts.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "internal.h"

struct CUctx_st {
    bool is_primary;
};

namespace emulation {
namespace {

struct Driver {
    std::mutex mutex;
    Process process{};  // in which cuInit was called
    std::atomic<CUresult> fault{CUDA_SUCCESS};
    CUctx_st primary{true};
    int primary_users = 0;
    int other_contexts = 0;
};

Driver& driver() {
    static auto* it = new Driver;
    return *it;
}

std::vector<CUcontext>& stack() {
    static thread_local std::vector<CUcontext> it;
    return it;
}

uint64_t started(int pid, bool* is_running) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    const auto close = text.rfind(')');
    *is_running = close != std::string::npos && text[close + 2] != 'Z' && text[close + 2] != 'X';
    if (!*is_running) return 0;
    std::istringstream fields(text.substr(close + 2));
    std::string field;
    for (int i = 3; i <= 22; ++i) fields >> field;  // proc(5): field 22 is starttime
    return std::stoull(field);
}

void release_unused() {
    if (driver().primary_users || driver().other_contexts) return;
    synchronize_streams();
    free_all_memory();
}

}  // namespace

const char* setting(const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    return value ? value : otherwise;
}

Process this_process() {
    bool is_running;
    static Process it{};
    if (it.pid != getpid()) it = {getpid(), started(getpid(), &is_running)};
    return it;
}

bool is_alive(const Process& process) {
    bool is_running;
    return started(process.pid, &is_running) == process.started && is_running;
}

CUcontext current_context() { return stack().empty() ? nullptr : stack().back(); }
CUresult fault() { return driver().fault; }
void set_fault(CUresult error) { driver().fault = error; }

CUresult usable() {
    // As in the real driver, a child of fork cannot use its parent's driver.
    if (driver().process.pid != getpid()) return CUDA_ERROR_NOT_INITIALIZED;
    return driver().fault;
}

CUresult usable_in_context() {
    TRY(usable());
    return current_context() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

}  // namespace emulation

using namespace emulation;

extern "C" {

CUresult cuInit(unsigned) {
    if (std::string(setting("EMULATED_CUDA_DEVICES", "1")) == "0") return CUDA_ERROR_NO_DEVICE;
    if (driver().process.pid && driver().process.pid != getpid()) return CUDA_ERROR_NOT_INITIALIZED;
    driver().process = this_process();
    return CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int* version) {
    *version = std::atoi(setting("EMULATED_CUDA_DRIVER_VERSION", "13000"));
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int* count) { return *count = 1, usable(); }
CUresult cuDeviceGet(CUdevice* device, int ordinal) {
    *device = 0;
    return ordinal == 0 ? usable() : CUDA_ERROR_INVALID_DEVICE;
}
CUresult cuDeviceGetName(char* name, int length, CUdevice) {
    strncpy(name, "emulated on a CPU", length);
    return usable();
}
CUresult cuDeviceTotalMem(size_t* bytes, CUdevice) { return *bytes = device_bytes(), usable(); }
CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice) {
    *major = 8, *minor = 9;
    return usable();
}
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice) {
    switch (attribute) {
        case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = 8; break;
        case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = 9; break;
        case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
        case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
        case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: *value = 1024; break;
        case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: *value = 64; break;
        case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: *value = 2147483647; break;
        case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
        case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: *value = 65535; break;
        case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *value = 32; break;
        case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *value = 48 << 10; break;
        case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *value = 99 << 10; break;
        case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
        case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
        case CU_DEVICE_ATTRIBUTE_IPC_EVENT_SUPPORTED: *value = 1; break;
        default: *value = 0;
    }
    return usable();
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) {
    TRY(usable());
    const std::lock_guard guard(driver().mutex);
    ++driver().primary_users;
    *context = &driver().primary;
    return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRelease(CUdevice) {
    const std::lock_guard guard(driver().mutex);
    if (!driver().primary_users) return CUDA_ERROR_INVALID_CONTEXT;
    --driver().primary_users;
    release_unused();
    return CUDA_SUCCESS;
}
CUresult cuCtxCreate(CUcontext* context, CUctxCreateParams*, unsigned, CUdevice) {
    TRY(usable());
    const std::lock_guard guard(driver().mutex);
    ++driver().other_contexts;
    *context = new CUctx_st{false};
    stack().push_back(*context);
    return CUDA_SUCCESS;
}
CUresult cuCtxDestroy(CUcontext context) {
    if (!context || context->is_primary) return CUDA_ERROR_INVALID_CONTEXT;
    const std::lock_guard guard(driver().mutex);
    std::erase(stack(), context);
    delete context;
    --driver().other_contexts;
    release_unused();
    return CUDA_SUCCESS;
}
CUresult cuCtxDetach(CUcontext context) { return cuCtxDestroy(context); }
CUresult cuCtxPushCurrent(CUcontext context) {
    if (!context) return CUDA_ERROR_INVALID_CONTEXT;
    stack().push_back(context);
    return CUDA_SUCCESS;
}
CUresult cuCtxPopCurrent(CUcontext* context) {
    if (stack().empty()) return CUDA_ERROR_INVALID_CONTEXT;
    if (context) *context = stack().back();
    stack().pop_back();
    return CUDA_SUCCESS;
}
CUresult cuCtxSetCurrent(CUcontext context) {
    if (!stack().empty()) stack().pop_back();
    if (context) stack().push_back(context);
    return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext* context) { return *context = current_context(), CUDA_SUCCESS; }
CUresult cuCtxGetDevice(CUdevice* device) { return *device = 0, usable_in_context(); }
CUresult cuCtxGetApiVersion(CUcontext, unsigned* version) { return *version = 3020, usable(); }
CUresult cuCtxSetLimit(CUlimit, size_t) { return usable_in_context(); }
CUresult cuCtxSetCacheConfig(CUfunc_cache) { return usable_in_context(); }
CUresult cuCtxSynchronize() {
    TRY(usable_in_context());
    synchronize_streams();
    return fault();
}

CUresult cuGetErrorString(CUresult error, const char** text) {
    static thread_local std::string it;
    it = "error " + std::to_string(error) + " of the emulated driver";
    *text = it.c_str();
    return CUDA_SUCCESS;
}

unsigned long long emulated_cuda_used_bytes() { return ledger_used_bytes(); }

}  // extern "C"
