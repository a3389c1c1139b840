// Streams and events: a stream is a thread that works off a queue; an event is a pair of counters.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>

#include "internal.h"

namespace emulation {
namespace {

using Clock = std::chrono::steady_clock;

struct Streams {
    std::mutex mutex;
    std::vector<Stream*> all;  // the first is the default stream
};

Streams& streams() {
    static auto* it = new Streams;
    return *it;
}

Stream* add_stream(bool is_blocking) {
    auto* made = new Stream(is_blocking);
    const std::lock_guard guard(streams().mutex);
    streams().all.push_back(made);
    return made;
}

Stream* default_stream() {
    static Stream* it = add_stream(true);
    return it;
}

// What the default stream and the others, in turns, have to wait for.
std::vector<std::pair<Stream*, uint64_t>> earlier(Stream* stream) {
    if (!stream->is_blocking) return {};
    if (stream != default_stream()) return {{default_stream(), default_stream()->submitted()}};
    std::vector<std::pair<Stream*, uint64_t>> found;
    const std::lock_guard guard(streams().mutex);
    for (Stream* other : streams().all)
        if (other->is_blocking && other != stream) found.emplace_back(other, other->submitted());
    return found;
}

struct Counters {  // of an event; between processes they lie in shared memory
    std::atomic<uint64_t> recorded{0}, completed{0};
    std::atomic<int64_t> completed_ns{0};
    Process recorder{};
};

}  // namespace

Stream::Stream(bool blocking) : is_blocking(blocking) {
    std::thread([this] { work(); }).detach();
}

uint64_t Stream::submit(Task task) {
    auto after = earlier(this);
    const std::lock_guard guard(mutex_);
    if (captured_) {
        captured_->push_back(std::move(task));
        return submitted_;
    }
    queue_.push_back({std::move(task), std::move(after)});
    changed_.notify_all();
    return ++submitted_;
}

void Stream::wait(uint64_t ticket) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_ >= ticket; });
}

bool Stream::is_done(uint64_t ticket) {
    const std::lock_guard guard(mutex_);
    return done_ >= ticket;
}

uint64_t Stream::submitted() {
    const std::lock_guard guard(mutex_);
    return submitted_;
}

bool Stream::begin_capture() {
    const std::lock_guard guard(mutex_);
    if (captured_) return false;
    captured_.emplace();
    return true;
}

std::optional<std::vector<Task>> Stream::end_capture() {
    const std::lock_guard guard(mutex_);
    auto tasks = std::move(captured_);
    captured_.reset();
    return tasks;
}

bool Stream::is_capturing() {
    const std::lock_guard guard(mutex_);
    return captured_.has_value();
}

void Stream::work() {
    for (;;) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !queue_.empty(); });
        Entry entry = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        for (auto& [stream, ticket] : entry.after) stream->wait(ticket);
        // A device is late, too: what does not wait for it must be seen to be wrong.
        usleep(std::atoi(setting("EMULATED_CUDA_DELAY_US", "0")));
        if (fault() == CUDA_SUCCESS)
            if (CUresult error = entry.task(); error != CUDA_SUCCESS) set_fault(error);
        entry.task = nullptr;
        lock.lock();
        ++done_;
        changed_.notify_all();
    }
}

Stream* stream_of(CUstream handle) {
    if (handle == nullptr || handle == CU_STREAM_LEGACY || handle == CU_STREAM_PER_THREAD)
        return default_stream();
    return reinterpret_cast<Stream*>(handle);
}

CUresult run_now(Task task) {
    default_stream()->wait(default_stream()->submit(std::move(task)));
    return fault();
}

void synchronize_streams() {
    std::vector<Stream*> all;
    {
        const std::lock_guard guard(streams().mutex);
        all = streams().all;
    }
    for (Stream* stream : all) stream->wait(stream->submitted());
}

}  // namespace emulation

using namespace emulation;

struct CUevent_st {
    Counters* counters = nullptr;
    int file = -1;  // of an event between processes
    bool is_timed = true;

    bool has_passed(uint64_t ticket) const { return counters->completed >= ticket; }

    void wait(uint64_t ticket) const {
        for (int i = 1; !has_passed(ticket); ++i) {
            usleep(50);
            // What a process that is gone had begun will never end.
            if (i % 100 == 0 && file >= 0 && !is_alive(counters->recorder)) return;
        }
    }
};

namespace {

struct EventHandle {
    int32_t file;
    Process owner;
};
static_assert(sizeof(EventHandle) <= sizeof(CUipcEventHandle));

Counters* mapped(int file) {
    void* at = mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    return at == MAP_FAILED ? nullptr : static_cast<Counters*>(at);
}

}  // namespace

extern "C" {

CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
    TRY(usable_in_context());
    default_stream();
    *stream = reinterpret_cast<CUstream>(add_stream(!(flags & CU_STREAM_NON_BLOCKING)));
    return CUDA_SUCCESS;
}
CUresult cuStreamDestroy(CUstream) { return usable(); }  // its thread waits for ever
CUresult cuStreamSynchronize(CUstream handle) {
    TRY(usable_in_context());
    if (stream_of(handle)->is_capturing()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    stream_of(handle)->wait(stream_of(handle)->submitted());
    return fault();
}
CUresult cuStreamQuery(CUstream handle) {
    TRY(usable_in_context());
    Stream* stream = stream_of(handle);
    return stream->is_done(stream->submitted()) ? fault() : CUDA_ERROR_NOT_READY;
}
CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
    TRY(usable_in_context());
    const uint64_t ticket = event->counters->recorded;  // never recorded: no wait
    stream_of(stream)->submit([=] { return event->wait(ticket), CUDA_SUCCESS; });
    return CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent* event, unsigned flags) {
    TRY(usable_in_context());
    const bool is_shared = flags & CU_EVENT_INTERPROCESS, is_untimed = flags & CU_EVENT_DISABLE_TIMING;
    if (is_shared && !is_untimed) return CUDA_ERROR_INVALID_VALUE;
    auto* made = new CUevent_st;
    made->is_timed = !is_untimed;
    if (is_shared) {
        made->file = memfd_create("emulated CUDA event", MFD_CLOEXEC);
        if (ftruncate(made->file, sizeof(Counters))) return CUDA_ERROR_OUT_OF_MEMORY;
        made->counters = mapped(made->file);
    } else {
        made->counters = new Counters;
    }
    *event = made;
    return CUDA_SUCCESS;
}
CUresult cuEventDestroy(CUevent event) {
    // Queued work may still name the event: only its file is closed.
    if (event->file >= 0) close(event->file);
    event->file = -1;
    return CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent event, CUstream stream) {
    TRY(usable_in_context());
    Counters* counters = event->counters;
    counters->recorder = this_process();
    const uint64_t ticket = ++counters->recorded;
    stream_of(stream)->submit([=] {
        counters->completed_ns = Clock::now().time_since_epoch().count();
        counters->completed = ticket;
        return CUDA_SUCCESS;
    });
    return CUDA_SUCCESS;
}
CUresult cuEventSynchronize(CUevent event) {
    TRY(usable_in_context());
    event->wait(event->counters->recorded);
    return fault();
}
CUresult cuEventQuery(CUevent event) {
    TRY(usable_in_context());
    return event->has_passed(event->counters->recorded) ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}
CUresult cuEventElapsedTime(float* ms, CUevent start, CUevent end) {
    TRY(usable_in_context());
    if (!start->is_timed || !end->is_timed) return CUDA_ERROR_INVALID_HANDLE;
    if (!end->has_passed(end->counters->recorded)) return CUDA_ERROR_NOT_READY;
    *ms = (end->counters->completed_ns - start->counters->completed_ns) / 1e6f;
    return CUDA_SUCCESS;
}

CUresult cuIpcGetEventHandle(CUipcEventHandle* handle, CUevent event) {
    TRY(usable_in_context());
    if (event->file < 0) return CUDA_ERROR_INVALID_HANDLE;
    const EventHandle made{event->file, this_process()};
    std::memset(handle, 0, sizeof *handle);
    std::memcpy(handle, &made, sizeof made);
    return CUDA_SUCCESS;
}
CUresult cuIpcOpenEventHandle(CUevent* event, CUipcEventHandle handle) {
    TRY(usable_in_context());
    EventHandle found;
    std::memcpy(&found, &handle, sizeof found);
    if (!is_alive(found.owner)) return CUDA_ERROR_INVALID_HANDLE;
    const auto path =
        "/proc/" + std::to_string(found.owner.pid) + "/fd/" + std::to_string(found.file);
    auto* made = new CUevent_st;
    made->is_timed = false;
    made->file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (made->file < 0 || !(made->counters = mapped(made->file))) {
        delete made;
        return CUDA_ERROR_INVALID_HANDLE;
    }
    *event = made;
    return CUDA_SUCCESS;
}

}  // extern "C"
