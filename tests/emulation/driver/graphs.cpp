// Graphs: what is submitted to a stream while it captures is kept, and done as often as launched.
#include "internal.h"

using namespace emulation;

struct CUgraph_st {
    std::vector<Task> tasks;
};

struct CUgraphExec_st {
    std::vector<Task> tasks;
};

extern "C" {

CUresult cuStreamBeginCapture(CUstream handle, CUstreamCaptureMode) {
    TRY(usable_in_context());
    Stream* stream = stream_of(handle);
    if (stream == stream_of(nullptr)) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    return stream->begin_capture() ? CUDA_SUCCESS : CUDA_ERROR_ILLEGAL_STATE;
}
CUresult cuStreamEndCapture(CUstream handle, CUgraph* graph) {
    TRY(usable_in_context());
    auto tasks = stream_of(handle)->end_capture();
    if (!tasks) return CUDA_ERROR_ILLEGAL_STATE;
    *graph = new CUgraph_st{std::move(*tasks)};
    return CUDA_SUCCESS;
}
CUresult cuGraphInstantiate(CUgraphExec* made, CUgraph graph, unsigned long long) {
    TRY(usable_in_context());
    *made = new CUgraphExec_st{graph->tasks};
    return CUDA_SUCCESS;
}
CUresult cuGraphLaunch(CUgraphExec graph, CUstream stream) {
    TRY(usable_in_context());
    stream_of(stream)->submit([tasks = graph->tasks] {
        for (const Task& task : tasks) TRY(task());
        return CUDA_SUCCESS;
    });
    return CUDA_SUCCESS;
}
CUresult cuGraphDestroy(CUgraph graph) {
    delete graph;
    return CUDA_SUCCESS;
}
CUresult cuGraphExecDestroy(CUgraphExec graph) {
    delete graph;
    return CUDA_SUCCESS;
}

}  // extern "C"
