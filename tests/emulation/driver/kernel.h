// What libcuda.so.1 and a kernel's shared object, compiled by g++, know of each other.
#pragma once
#include <cstddef>
#include <cstdint>

namespace emulation {

enum Ended : int { kDone = 0, kIllegalAddress = 700, kLaunchFailed = 719 };  // as in CUresult

struct Launch {
    uint32_t grid[3];
    uint32_t block[3];
    uint32_t shared_bytes;
    bool is_reversed;  // whether the threads of a block run from the last to the first
};

struct Parameter {
    uint32_t size;
    uint32_t align;
};

// A kernel: exported as `emulated_kernel_NAME` by the shared object that holds it.
struct Kernel {
    Ended (*run)(const Launch& launch, void* const* arguments);
    const Parameter* parameters;
    size_t parameter_count;
};

}  // namespace emulation
