// Kernels that try the device language of cuda_on_cpu.h; each is launched as (out, count).

extern "C" __global__ void number(int* out, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) out[i] = i;
}

extern "C" __global__ void reverse_through_shared_memory(int* out, int count) {
    extern __shared__ int numbers[];
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    numbers[threadIdx.x] = i;
    __syncthreads();
    if (i < count) out[i] = numbers[blockDim.x - 1 - threadIdx.x];
}

extern "C" __global__ void reverse_without_barrier(int* out, int count) {
    extern __shared__ int numbers[];
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    numbers[threadIdx.x] = i;
    if (i < count) out[i] = numbers[blockDim.x - 1 - threadIdx.x];
}

extern "C" __global__ void warps(int* out, int count) {
    const unsigned all = 0xffffffffu;
    const int i = threadIdx.x, lane = i % 32;
    int sum = i;
    for (int step = 16; step > 0; step /= 2) sum += __shfl_down_sync(all, sum, step);
    const unsigned odd = __ballot_sync(all, lane % 2);
    const int fifth = __shfl_sync(all, i, 5);
    if (lane == 0) out[i] = sum;
    if (lane == 1) out[i] = static_cast<int>(odd);
    if (lane == 2) out[i] = fifth;
}

extern "C" __global__ void half_ends_early(int* out, int count) {
    __shared__ int arrived;
    if (threadIdx.x == 0) arrived = 0;
    __syncthreads();
    if (threadIdx.x >= 32) return;
    atomicAdd(&arrived, 1);
    __syncthreads();
    out[threadIdx.x] = arrived;
}

extern "C" __global__ void __launch_bounds__(32) count_all(int* out, int count) {
    atomicAdd(out, 1);
}

extern "C" __global__ void writes_beyond_its_memory(int* out, int count) { out[1 << 20] = 1; }

extern "C" __global__ void waits_for_ever(int* out, int count) {
    if (threadIdx.x % 2) __syncwarp(0xffffffffu);
    else __syncthreads();
}
