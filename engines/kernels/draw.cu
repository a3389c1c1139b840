// Drawing on the GPU: a thread draws all operations on its 2 x 2 pixels, in their order.
//
// A block first looks which operations touch its 64 x 16 pixels, 256 at a time, one a thread: most
// touch none of them.
//
// Launch: grid (ceil(width / 64), ceil(height / 16)), block (32, 8), no dynamic shared memory.
//
// Arguments, in this order:
//   luma, chroma, pitch   of an NV12 frame, changed in place; bytes from row to row
//   height, width         even
//   operations, count     (count,) DrawOperation of 8 int32, see draw.cuh
//   masks                 uint8: coverages of all operations
#include "draw.cuh"

constexpr int DRAW_THREADS = 256;
constexpr int DRAW_TILE_WIDTH = 64, DRAW_TILE_HEIGHT = 16;

extern "C" __global__ void __launch_bounds__(DRAW_THREADS)
    draw_nv12(unsigned char* luma, unsigned char* chroma, int pitch, int height, int width,
              const DrawOperation* operations, int count, const unsigned char* masks) {
    __shared__ unsigned int touching[DRAW_THREADS / 32];
    const int left = blockIdx.x * DRAW_TILE_WIDTH, top = blockIdx.y * DRAW_TILE_HEIGHT;
    const int thread = threadIdx.y * 32 + threadIdx.x, x = left + 2 * threadIdx.x, y = top + 2 * threadIdx.y;
    const bool is_inside = x < width && y < height;
    unsigned char* rows[2] = {luma + (size_t)y * pitch + x, luma + (size_t)(y + 1) * pitch + x};
    unsigned char* pair = chroma + (size_t)(y / 2) * pitch + x;
    int values[6] = {};
    if (is_inside) {
        values[0] = rows[0][0], values[1] = rows[0][1], values[2] = rows[1][0], values[3] = rows[1][1];
        values[4] = pair[0], values[5] = pair[1];
    }
    for (int first = 0; first < count; first += DRAW_THREADS) {
        if (thread < DRAW_THREADS / 32) touching[thread] = 0;
        __syncthreads();
        if (first + thread < count &&
            touches(operations[first + thread], left, top, left + DRAW_TILE_WIDTH, top + DRAW_TILE_HEIGHT))
            atomicOr(&touching[thread / 32], 1u << thread % 32);
        __syncthreads();
        for (int word = 0; word < DRAW_THREADS / 32 && is_inside; word++)
            for (unsigned int remaining = touching[word]; remaining; remaining &= remaining - 1) {
                const DrawOperation operation = operations[first + word * 32 + lowest_bit(remaining)];
                UNROLL
                for (int pixel = 0; pixel < 4; pixel++)
                    values[pixel] = drawn_luma(operation, masks, x + pixel % 2, y + pixel / 2, values[pixel]);
                values[4] = drawn_chroma(operation, masks, x / 2, y / 2, 1, values[4]);
                values[5] = drawn_chroma(operation, masks, x / 2, y / 2, 2, values[5]);
            }
        __syncthreads();
    }
    if (!is_inside) return;
    rows[0][0] = values[0], rows[0][1] = values[1], rows[1][0] = values[2], rows[1][1] = values[3];
    pair[0] = values[4], pair[1] = values[5];
}
