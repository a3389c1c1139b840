// The parts of the emulated driver, and what they share.
#pragma once
#include <cuda.h>
#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace emulation {

struct Process {  // a process that another one with the same pid cannot be taken for
    int32_t pid;
    uint64_t started;
};
Process this_process();
bool is_alive(const Process& process);
const char* setting(const char* name, const char* otherwise);  // of the environment

// device.cpp -------------------------------------------------------------------------------------
CUcontext current_context();
CUresult usable();            // initialised, in this process, without an earlier fault
CUresult usable_in_context();  // and with a current context
void set_fault(CUresult error);
CUresult fault();

// ledger.cpp: who holds which memory of the device, over all processes -----------------------------
constexpr int kNoRoom = -1;
int ledger_add(uint64_t bytes);  // index of the new entry, or kNoRoom
void ledger_hold(int entry);
void ledger_release(int entry);
uint64_t ledger_used_bytes();
uint64_t device_bytes();

// memory.cpp ---------------------------------------------------------------------------------------
CUresult check_reachable(CUdeviceptr at, uint64_t bytes);  // device memory that can be used now
CUresult check_arguments(const void* values, size_t size);  // of a kernel: pointers into lost memory
bool is_pinned(const void* host);
void free_all_memory();

// streams.cpp --------------------------------------------------------------------------------------
using Task = std::function<CUresult()>;

class Stream {
  public:
    explicit Stream(bool is_blocking);
    uint64_t submit(Task task);
    void wait(uint64_t ticket);
    bool is_done(uint64_t ticket);
    uint64_t submitted();
    bool begin_capture();                             // false where it captures already
    std::optional<std::vector<Task>> end_capture();  // none where it did not
    bool is_capturing();
    const bool is_blocking;  // takes turns with the default stream

  private:
    struct Entry {
        Task task;
        std::vector<std::pair<Stream*, uint64_t>> after;
    };
    void work();
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Entry> queue_;
    uint64_t submitted_ = 0, done_ = 0;
    std::optional<std::vector<Task>> captured_;
};

Stream* stream_of(CUstream handle);
CUresult run_now(Task task);  // on the default stream; waits for it
void synchronize_streams();

}  // namespace emulation

#define TRY(call)                                                              \
    do {                                                                       \
        if (CUresult tried = (call); tried != CUDA_SUCCESS) return tried;      \
    } while (false)
