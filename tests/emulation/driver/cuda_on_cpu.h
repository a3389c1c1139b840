// CUDA's device language for g++: included before a .cu file, which then compiles for the CPU.
//
// The threads of a block are fibers of one thread of the CPU; blocks run one after another. A fiber
// runs until it waits at a barrier (__syncthreads, or a warp operation) or ends.
#pragma once
#include <vector_types.h>      // NVIDIA's: dim3, float4, ...
#include <vector_functions.h>  // make_float4, ...

#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#undef __constant__
#undef __forceinline__
#undef __launch_bounds__
#define __global__
#define __device__
#define __host__
#define __shared__ thread_local
#define __constant__
#define __forceinline__ inline
#define __launch_bounds__(...)

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "kernel.h"

using std::max;
using std::min;

namespace emulation {

constexpr unsigned kWarp = 32;
constexpr size_t kStackBytes = 128 << 10;
constexpr size_t kSharedBytes = 100 << 10;
constexpr unsigned char kPoison = 0xA5;

enum class State { kReady, kAtBlockBarrier, kAtWarpBarrier, kEnded };

struct Fiber {
    State state = State::kEnded;
    uint3 index{};
    unsigned number = 0;     // within its block
    unsigned warp_mask = 0;  // of the warp operation that it waits at
    bool was_started = false;
    jmp_buf place;
    void* stack = nullptr;
};

struct WarpValues {
    uint64_t value[kWarp];
};

// Runs the blocks of a launch; one for each thread of the CPU that launches kernels.
class Executor {
  public:
    ~Executor() {
        for (auto& fiber : fibers_)
            if (fiber->stack) munmap(fiber->stack, kStackBytes);
    }

    template <typename Body>
    Ended run(const Launch& launch, const std::vector<unsigned char*>& shared, const Body& body) {
        const unsigned* b = launch.block;
        block_dim = dim3(b[0], b[1], b[2]);
        grid_dim = dim3(launch.grid[0], launch.grid[1], launch.grid[2]);
        threads_ = b[0] * b[1] * b[2];
        is_reversed_ = launch.is_reversed;
        body_ = [](const void* it) { (*static_cast<const Body*>(it))(); };
        body_data_ = &body;
        while (fibers_.size() < threads_) fibers_.push_back(std::make_unique<Fiber>());
        warps_.resize((threads_ + kWarp - 1) / kWarp);
        for (block_index.z = 0; block_index.z < grid_dim.z; ++block_index.z)
            for (block_index.y = 0; block_index.y < grid_dim.y; ++block_index.y)
                for (block_index.x = 0; block_index.x < grid_dim.x; ++block_index.x)
                    if (Ended ended = run_block(launch.shared_bytes, shared); ended != kDone)
                        return ended;
        return kDone;
    }

    void block_barrier() { wait(State::kAtBlockBarrier); }

    void warp_barrier(unsigned mask) {
        current->warp_mask = mask;
        current->state = State::kAtWarpBarrier;
        if (!release_warp(mask)) switch_to_scheduler();
    }

    // The value that each lane of the warp gave; lanes outside the mask hold an old one.
    template <typename T>
    std::array<T, kWarp> exchanged(unsigned mask, T mine) {
        static_assert(sizeof(T) <= sizeof(uint64_t));
        auto& values = warps_[current->number / kWarp].value;
        std::memcpy(&values[lane()], &mine, sizeof(T));
        warp_barrier(mask);
        std::array<T, kWarp> all;
        for (unsigned i = 0; i < kWarp; ++i) std::memcpy(&all[i], &values[i], sizeof(T));
        warp_barrier(mask);
        return all;
    }

    int count(bool is_true) {
        votes_[current->number] = is_true;
        block_barrier();
        int sum = 0;
        for (unsigned i = 0; i < threads_; ++i) sum += votes_[i];
        block_barrier();
        return sum;
    }

    unsigned lane() const { return current->number % kWarp; }

    Fiber* current = nullptr;
    dim3 block_dim, grid_dim;
    uint3 block_index{};

  private:
    Ended run_block(unsigned shared_bytes, const std::vector<unsigned char*>& shared) {
        for (auto* memory : shared) std::memset(memory, kPoison, kSharedBytes);
        votes_.assign(threads_, 0);
        prepare_fibers();
        unsigned running = threads_;
        while (running) {
            bool has_moved = false;
            for (unsigned step = 0; step < threads_; ++step) {
                Fiber& fiber = *fibers_[is_reversed_ ? threads_ - 1 - step : step];
                if (fiber.state != State::kReady) continue;
                has_moved = true;
                resume(fiber);
                running -= fiber.state == State::kEnded;
            }
            if (running && release_block(running)) continue;
            // Otherwise the threads wait for each other for ever.
            if (running && !has_moved && !release_ended_warps()) return kLaunchFailed;
        }
        for (auto* memory : shared)
            for (size_t i = shared_bytes; i < kSharedBytes; ++i)
                if (memory[i] != kPoison) return kIllegalAddress;
        return kDone;
    }

    void prepare_fibers() {
        unsigned number = 0;
        for (unsigned z = 0; z < block_dim.z; ++z)
            for (unsigned y = 0; y < block_dim.y; ++y)
                for (unsigned x = 0; x < block_dim.x; ++x, ++number) {
                    fibers_[number]->index = make_uint3(x, y, z);
                    fibers_[number]->number = number;
                    fibers_[number]->state = State::kReady;
                }
    }

    void resume(Fiber& fiber) {
        current = &fiber;
        if (_setjmp(scheduler_)) return;
        if (fiber.was_started) _longjmp(fiber.place, 1);
        fiber.was_started = true;
        fiber.stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        ucontext_t start;
        getcontext(&start);
        start.uc_stack.ss_sp = fiber.stack;
        start.uc_stack.ss_size = kStackBytes;
        start.uc_link = nullptr;
        const auto self = reinterpret_cast<uintptr_t>(this);
        makecontext(&start, reinterpret_cast<void (*)()>(&Executor::live), 2,
                    static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
        setcontext(&start);
    }

    // A fiber's life: one thread of a block after another.
    static void live(unsigned high, unsigned low) {
        auto* self = reinterpret_cast<Executor*>((static_cast<uintptr_t>(high) << 32) | low);
        for (;;) {
            self->body_(self->body_data_);
            self->wait(State::kEnded);
        }
    }

    void wait(State state) {
        current->state = state;
        switch_to_scheduler();
    }

    void switch_to_scheduler() {
        if (!_setjmp(current->place)) _longjmp(scheduler_, 1);
    }

    bool release_block(unsigned running) {
        unsigned arrived = 0;
        for (unsigned i = 0; i < threads_; ++i)
            arrived += fibers_[i]->state == State::kAtBlockBarrier;
        if (arrived != running) return false;
        for (unsigned i = 0; i < threads_; ++i)
            if (fibers_[i]->state == State::kAtBlockBarrier) fibers_[i]->state = State::kReady;
        return true;
    }

    // Let the lanes of a warp operation go on, once all of them have come.
    bool release_warp(unsigned mask) {
        const unsigned first = current->number / kWarp * kWarp;
        const unsigned last = min(first + kWarp, threads_);
        for (unsigned i = first; i < last; ++i) {
            const Fiber& other = *fibers_[i];
            if (!(mask >> (i - first) & 1) || other.state == State::kEnded) continue;
            if (other.state != State::kAtWarpBarrier || other.warp_mask != mask) return false;
        }
        for (unsigned i = first; i < last; ++i)
            if (mask >> (i - first) & 1 && fibers_[i]->state == State::kAtWarpBarrier)
                fibers_[i]->state = State::kReady;
        return true;
    }

    // Let lanes go on that waited for one which has ended.
    bool release_ended_warps() {
        for (unsigned i = 0; i < threads_; ++i) {
            current = fibers_[i].get();
            if (current->state == State::kAtWarpBarrier && release_warp(current->warp_mask))
                return true;
        }
        return false;
    }

    unsigned threads_ = 0;
    bool is_reversed_ = false;
    void (*body_)(const void*) = nullptr;
    const void* body_data_ = nullptr;
    jmp_buf scheduler_;
    std::vector<std::unique_ptr<Fiber>> fibers_;
    std::vector<WarpValues> warps_;
    std::vector<int> votes_;
};

inline Executor& executor() {
    static thread_local Executor it;
    return it;
}

template <typename... Arguments>
struct Signature {
    static constexpr Parameter parameters[sizeof...(Arguments) + 1] = {
        {sizeof(Arguments), alignof(Arguments)}..., {0, 0}};

    template <size_t... I>
    static auto call(void (*function)(Arguments...), void* const* values,
                     std::index_sequence<I...>) {
        return [=] { function(*static_cast<Arguments*>(values[I])...); };
    }
};

template <auto function, typename Shared, typename... Arguments>
Kernel described(void (*)(Arguments...)) {
    using S = Signature<Arguments...>;
    auto run = [](const Launch& launch, void* const* values) {
        auto body = S::call(function, values, std::index_sequence_for<Arguments...>{});
        return executor().run(launch, Shared::all(), body);
    };
    return {run, S::parameters, sizeof...(Arguments)};
}

}  // namespace emulation

#define EMULATED_KERNEL(name)                                                                  \
    extern "C" const emulation::Kernel emulated_kernel_##name =                                \
        emulation::described<&name, EmulatedShared>(&name);

#define threadIdx (emulation::executor().current->index)
#define blockIdx (emulation::executor().block_index)
#define blockDim (emulation::executor().block_dim)
#define gridDim (emulation::executor().grid_dim)
#define warpSize 32

inline void __syncthreads() { emulation::executor().block_barrier(); }
inline int __syncthreads_count(int p) { return emulation::executor().count(p != 0); }
inline int __syncthreads_or(int p) { return __syncthreads_count(p) != 0; }
inline int __syncthreads_and(int p) { return __syncthreads_count(p == 0) == 0; }
inline void __syncwarp(unsigned mask = 0xffffffffu) { emulation::executor().warp_barrier(mask); }
inline void __threadfence() {}
inline void __threadfence_block() {}

inline unsigned __ballot_sync(unsigned mask, int p) {
    const auto all = emulation::executor().exchanged<int>(mask, p != 0);
    const auto& e = emulation::executor();
    const unsigned warp_start = e.current->number - e.lane();
    const unsigned threads = e.block_dim.x * e.block_dim.y * e.block_dim.z;
    unsigned ballot = 0;
    for (unsigned i = 0; i < 32 && warp_start + i < threads; ++i)
        if (mask >> i & 1 && all[i]) ballot |= 1u << i;
    return ballot;
}
inline int __any_sync(unsigned mask, int p) { return __ballot_sync(mask, p) != 0; }
inline int __all_sync(unsigned mask, int p) { return __ballot_sync(mask, !p) == 0; }

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
    const unsigned lane = emulation::executor().lane();
    const auto all = emulation::executor().exchanged<T>(mask, value);
    return all[lane / width * width + static_cast<unsigned>(source) % width];
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32) {
    const unsigned lane = emulation::executor().lane();
    const auto all = emulation::executor().exchanged<T>(mask, value);
    const unsigned source = lane ^ static_cast<unsigned>(lanes);
    return source / width > lane / width ? value : all[source];
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    const unsigned lane = emulation::executor().lane();
    const auto all = emulation::executor().exchanged<T>(mask, value);
    return lane % width + delta < static_cast<unsigned>(width) ? all[lane + delta] : value;
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    const unsigned lane = emulation::executor().lane();
    const auto all = emulation::executor().exchanged<T>(mask, value);
    return lane % width >= delta ? all[lane - delta] : value;
}

// Several streams may run kernels at once, so that atomics are atomic here too.
template <typename T, typename Change>
T emulated_atomic(T* at, const Change& change) {
    T old, next;
    __atomic_load(at, &old, __ATOMIC_SEQ_CST);
    do next = change(old);
    while (!__atomic_compare_exchange(at, &old, &next, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return old;
}
template <typename T> struct EmulatedSame { using Type = T; };
template <typename T> using EmulatedValue = typename EmulatedSame<T>::Type;  // not deduced
#define EMULATED_ATOMIC(name, expression)                                  \
    template <typename T>                                                  \
    T name(T* at, EmulatedValue<T> value) {                                \
        return emulated_atomic(at, [=](T old) -> T { return expression; }); \
    }
EMULATED_ATOMIC(atomicAdd, old + value)
EMULATED_ATOMIC(atomicSub, old - value)
EMULATED_ATOMIC(atomicMax, old > value ? old : value)
EMULATED_ATOMIC(atomicMin, old < value ? old : value)
EMULATED_ATOMIC(atomicAnd, old & value)
EMULATED_ATOMIC(atomicOr, old | value)
EMULATED_ATOMIC(atomicXor, old ^ value)
EMULATED_ATOMIC(atomicExch, ((void)old, value))
template <typename T>
T atomicCAS(T* at, EmulatedValue<T> wanted, EmulatedValue<T> value) {
    return emulated_atomic(at, [=](T old) { return old == wanted ? value : old; });
}

template <typename T> T __ldg(const T* at) { return *at; }
inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline int __popcll(unsigned long long v) { return __builtin_popcountll(v); }
inline int __ffs(int v) { return __builtin_ffs(v); }
inline int __ffsll(long long v) { return __builtin_ffsll(v); }
inline int __clz(int v) { return v ? __builtin_clz(static_cast<unsigned>(v)) : 32; }
inline int __clzll(long long v) {
    return v ? __builtin_clzll(static_cast<unsigned long long>(v)) : 64;
}
inline float rsqrtf(float v) { return 1.0f / std::sqrt(v); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __expf(float v) { return std::exp(v); }
inline float __saturatef(float v) { return v > 0.0f ? (v < 1.0f ? v : 1.0f) : 0.0f; }
inline int __float2int_rn(float v) { return static_cast<int>(std::nearbyint(v)); }
inline int __float2int_rd(float v) { return static_cast<int>(std::floor(v)); }
inline unsigned __float_as_uint(float v) { unsigned u; std::memcpy(&u, &v, 4); return u; }
inline int __float_as_int(float v) { int i; std::memcpy(&i, &v, 4); return i; }
inline float __int_as_float(int i) { float v; std::memcpy(&v, &i, 4); return v; }
inline float __uint_as_float(unsigned u) { float v; std::memcpy(&v, &u, 4); return v; }
