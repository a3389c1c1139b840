// Modules: PTX, whose entries are run as the same kernels compiled by g++.
//
// An image is PTX text, or "emulated:PATH" naming the shared object. PTX is looked up in the shared
// objects of EMULATED_CUDA_KERNELS (a list joined by ":"); its parameters must be those of g++.
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>

#include "internal.h"
#include "kernel.h"

struct CUfunc_st {
    std::string name;
    const emulation::Kernel* kernel;
    unsigned largest_shared = 48 << 10;
};

struct CUmod_st {
    std::vector<void*> libraries;
    std::string ptx;  // empty: named directly
    std::map<std::string, CUfunc_st> functions;
};

namespace emulation {
namespace {

// Where a kernel that touched memory which is not there comes out.
thread_local sigjmp_buf* way_out = nullptr;

void on_fault(int number, siginfo_t*, void*) {
    if (way_out) siglongjmp(*way_out, 1);
    signal(number, SIG_DFL);  // not of a kernel: fail as without us
}

CUresult run_guarded(const Kernel* kernel, const Launch& launch, void* const* arguments) {
    static const bool is_installed = [] {
        struct sigaction action {};
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_NODEFER;
        return !sigaction(SIGSEGV, &action, nullptr) && !sigaction(SIGBUS, &action, nullptr);
    }();
    (void)is_installed;
    sigjmp_buf here;
    if (sigsetjmp(here, 1)) {
        way_out = nullptr;
        return CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    way_out = &here;
    const auto ended = static_cast<CUresult>(kernel->run(launch, arguments));
    way_out = nullptr;
    return ended;
}

CUresult open_library(CUmod_st* module, const std::string& path) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        std::fprintf(stderr, "emulated CUDA: %s\n", dlerror());
        return CUDA_ERROR_FILE_NOT_FOUND;
    }
    module->libraries.push_back(library);
    return CUDA_SUCCESS;
}

// Sizes of the parameters of a PTX entry, as `.param .align 8 .b8 name[24]` or `.param .u64 name`.
std::vector<uint32_t> ptx_parameters(const std::string& ptx, const std::string& name) {
    std::smatch entry;
    if (!std::regex_search(ptx, entry, std::regex("\\.entry\\s+" + name + "\\s*\\(([^)]*)\\)")))
        return {UINT32_MAX};
    const std::string list = entry[1];
    const std::regex one("\\.param[^,]*?\\.[a-z]+(8|16|32|64)\\s[^,\\[]*(?:\\[(\\d+)\\])?");
    std::vector<uint32_t> sizes;
    for (std::sregex_iterator it(list.begin(), list.end(), one), end; it != end; ++it)
        sizes.push_back(std::stoul((*it)[1]) / 8 *
                        ((*it)[2].matched ? std::stoul((*it)[2]) : 1));
    return sizes;
}

CUresult check_ptx(const CUmod_st* module, const std::string& name, const Kernel* kernel) {
    if (module->ptx.empty()) return CUDA_SUCCESS;
    const auto sizes = ptx_parameters(module->ptx, name);
    bool is_same = sizes.size() == kernel->parameter_count;
    for (size_t i = 0; is_same && i < sizes.size(); ++i)
        is_same = sizes[i] == kernel->parameters[i].size;
    if (is_same) return CUDA_SUCCESS;
    if (sizes == std::vector<uint32_t>{UINT32_MAX}) return CUDA_ERROR_NOT_FOUND;
    std::fprintf(stderr, "emulated CUDA: %s has other parameters in PTX than for g++\n", name.c_str());
    return CUDA_ERROR_INVALID_PTX;
}

// The arguments of a launch, copied: pointers[i] leads to the i-th value.
struct Arguments {
    std::vector<char> bytes;
    std::vector<void*> pointers;
};

CUresult from_buffer(const Kernel& kernel, void** extra, Arguments* made) {
    const char* buffer = nullptr;
    size_t stated = 0, at = 0;
    for (; *extra != CU_LAUNCH_PARAM_END; extra += 2) {
        if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER) buffer = static_cast<char*>(extra[1]);
        if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE) stated = *static_cast<size_t*>(extra[1]);
    }
    made->bytes.assign(buffer, buffer + stated);
    for (size_t i = 0; i < kernel.parameter_count; ++i) {
        const auto [size, align] = kernel.parameters[i];
        at = (at + align - 1) / align * align;
        if (at + size > stated) return CUDA_ERROR_INVALID_VALUE;
        made->pointers.push_back(made->bytes.data() + at);
        at += size;
    }
    return (at + 7) / 8 * 8 < stated || at > stated ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

void from_pointers(const Kernel& kernel, void** values, Arguments* made) {
    size_t at = 0;
    made->bytes.resize(4096 + 16 * kernel.parameter_count);
    for (size_t i = 0; i < kernel.parameter_count; ++i) {
        const auto [size, align] = kernel.parameters[i];
        at = (at + align - 1) / align * align;
        std::memcpy(made->bytes.data() + at, values[i], size);
        made->pointers.push_back(made->bytes.data() + at);
        at += size;
    }
}

CUresult check_size(const unsigned* grid, const unsigned* block) {
    const uint64_t threads = uint64_t{block[0]} * block[1] * block[2];
    const bool is_empty = !threads || !grid[0] || !grid[1] || !grid[2];
    const bool is_large = threads > 1024 || block[2] > 64 || grid[0] > 2147483647u ||
                          grid[1] > 65535 || grid[2] > 65535;
    return is_empty || is_large ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

}  // namespace
}  // namespace emulation

using namespace emulation;

extern "C" {

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
    TRY(usable_in_context());
    const std::string text = static_cast<const char*>(image);
    auto made = std::make_unique<CUmod_st>();
    if (text.rfind("emulated:", 0) == 0) {
        TRY(open_library(made.get(), text.substr(9)));
    } else if (text.find(".version") != std::string::npos) {
        made->ptx = text;
        std::istringstream paths(setting("EMULATED_CUDA_KERNELS", ""));
        for (std::string path; std::getline(paths, path, ':');)
            if (!path.empty()) TRY(open_library(made.get(), path));
    } else {
        return CUDA_ERROR_INVALID_IMAGE;
    }
    *module = made.release();
    return CUDA_SUCCESS;
}
CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned count,
                            CUjit_option* options, void** values) {
    for (unsigned i = 0; i < count; ++i)  // the logs stay empty
        if (options[i] == CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES ||
            options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
            values[i] = nullptr;
    return cuModuleLoadData(module, image);
}
CUresult cuModuleLoad(CUmodule* module, const char* path) {
    std::ifstream file(path);
    if (!file) return CUDA_ERROR_FILE_NOT_FOUND;
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    return cuModuleLoadData(module, text.c_str());
}
CUresult cuModuleUnload(CUmodule) { return usable(); }  // queued launches may still run its code
CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
    TRY(usable_in_context());
    for (void* library : module->libraries) {
        const void* found = dlsym(library, (std::string("emulated_kernel_") + name).c_str());
        if (!found) continue;
        TRY(check_ptx(module, name, static_cast<const Kernel*>(found)));
        auto& it = module->functions[name];
        it.name = name;
        it.kernel = static_cast<const Kernel*>(found);
        *function = &it;
        return CUDA_SUCCESS;
    }
    return CUDA_ERROR_NOT_FOUND;
}
CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction function) {
    TRY(usable_in_context());
    switch (attribute) {
        case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = 1024; break;
        case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = function->largest_shared; break;
        default: *value = 0;  // registers and memory are known of the PTX only
    }
    return CUDA_SUCCESS;
}
CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
    TRY(usable_in_context());
    if (attribute == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) {
        if (value < 0 || value > 99 << 10) return CUDA_ERROR_INVALID_VALUE;
        function->largest_shared = value;
    }
    return CUDA_SUCCESS;
}
// PyCUDA still calls it; the launch states the block again.
CUresult cuFuncSetBlockShape(CUfunction, int, int, int) { return usable_in_context(); }
CUresult cuFuncSetCacheConfig(CUfunction, CUfunc_cache) { return usable_in_context(); }

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                        CUstream stream, void** values, void** extra) {
    TRY(usable_in_context());
    const bool is_reversed = std::string(setting("EMULATED_CUDA_ORDER", "forward")) == "reversed";
    const Launch launch{{grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared, is_reversed};
    TRY(check_size(launch.grid, launch.block));
    if (shared > function->largest_shared) return CUDA_ERROR_INVALID_VALUE;
    const Kernel* kernel = function->kernel;
    auto arguments = std::make_shared<Arguments>();
    if (extra)
        TRY(from_buffer(*kernel, extra, arguments.get()));
    else
        from_pointers(*kernel, values, arguments.get());
    stream_of(stream)->submit([=]() -> CUresult {
        for (size_t i = 0; i < kernel->parameter_count; ++i)
            TRY(check_arguments(arguments->pointers[i], kernel->parameters[i].size));
        return run_guarded(kernel, launch, arguments->pointers.data());
    });
    return CUDA_SUCCESS;
}

}  // extern "C"
