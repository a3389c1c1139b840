// The device's memory as all processes see it: a table in a file, one entry an allocation.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "internal.h"

namespace emulation {
namespace {

constexpr int kEntries = 4096, kHolders = 32;

struct Entry {
    uint64_t bytes;
    Process holders[kHolders];  // the first one has allocated it
};

struct Ledger {
    int file = -1;
    Entry* entries = nullptr;
};

Ledger& ledger() {
    static Ledger* it = [] {
        auto* made = new Ledger;
        const auto path = std::string(setting("EMULATED_CUDA_DEVICE", "")).empty()
                              ? "/dev/shm/emulated-cuda-" + std::to_string(getuid())
                              : std::string(setting("EMULATED_CUDA_DEVICE", ""));
        made->file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (made->file < 0 || ftruncate(made->file, sizeof(Entry) * kEntries)) {
            std::perror(path.c_str());
            std::abort();
        }
        made->entries = static_cast<Entry*>(mmap(nullptr, sizeof(Entry) * kEntries,
                                                 PROT_READ | PROT_WRITE, MAP_SHARED, made->file, 0));
        return made;
    }();
    return *it;
}

class Locked {  // the kernel unlocks it for a process that is killed
  public:
    Locked() : guard_(mutex()) { flock(ledger().file, LOCK_EX); }
    ~Locked() { flock(ledger().file, LOCK_UN); }

  private:
    static std::mutex& mutex() {
        static auto* it = new std::mutex;
        return *it;
    }
    std::lock_guard<std::mutex> guard_;
};

bool is_kept() { return std::string(setting("EMULATED_CUDA_ORPHANS", "kept")) == "kept"; }

bool is_held(const Entry& entry) {
    for (int i = 0; i < (is_kept() ? kHolders : 1); ++i)
        if (entry.holders[i].pid && is_alive(entry.holders[i])) return true;
    return false;
}

uint64_t used() {
    uint64_t sum = 0;
    for (int i = 0; i < kEntries; ++i) {
        Entry& entry = ledger().entries[i];
        if (!entry.bytes) continue;
        if (is_held(entry))
            sum += entry.bytes;
        else
            std::memset(&entry, 0, sizeof entry);
    }
    return sum;
}

}  // namespace

int ledger_add(uint64_t bytes) {
    const Locked locked;
    if (used() + bytes > device_bytes()) return kNoRoom;
    for (int i = 0; i < kEntries; ++i) {
        Entry& entry = ledger().entries[i];
        if (entry.bytes) continue;
        entry.bytes = bytes;
        entry.holders[0] = this_process();
        return i;
    }
    return kNoRoom;
}

void ledger_hold(int index) {
    const Locked locked;
    for (auto& holder : ledger().entries[index].holders)
        if (!holder.pid || !is_alive(holder)) {
            holder = this_process();
            return;
        }
}

void ledger_release(int index) {
    const Locked locked;
    Entry& entry = ledger().entries[index];
    for (auto& holder : entry.holders)
        if (holder.pid == this_process().pid) holder = {};
    if (!is_held(entry)) std::memset(&entry, 0, sizeof entry);
}

uint64_t ledger_used_bytes() {
    const Locked locked;
    return used();
}

uint64_t device_bytes() {
    return std::strtoull(setting("EMULATED_CUDA_MEMORY_MIB", "2048"), nullptr, 10) << 20;
}

}  // namespace emulation
