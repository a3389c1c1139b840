// A BGR frame in device memory -> NV12, for an encoder: a thread 2 x 2 pixels.
//
// Launch: grid (ceil(W / 64), ceil(H / 16)), block (32, 8), no dynamic shared memory.
//
// Arguments of bgr_to_nv12, in this order:
//   pixels, pixel_pitch     rows of blue, green, red bytes, and the bytes from row to row
//   height, width           of the frame
//   luma, chroma, pitch     rows of y, rows of u and v, and the bytes from row to row of both
//   out_height, out_width   even, not below the frame's; its last row and column are repeated
#include "nv12.cuh"

extern "C" __global__ void __launch_bounds__(256)
    bgr_to_nv12(const unsigned char* pixels, int pixel_pitch, int height, int width, unsigned char* luma,
                unsigned char* chroma, int pitch, int out_height, int out_width) {
    const int x = 2 * (blockIdx.x * blockDim.x + threadIdx.x), y = 2 * (blockIdx.y * blockDim.y + threadIdx.y);
    if (x >= out_width || y >= out_height) return;
    UNROLL
    for (int pixel = 0; pixel < 4; pixel++) {
        const int row = y + pixel / 2, column = x + pixel % 2;
        const unsigned char* bgr =
            pixels + (size_t)nearest_inside(row, height) * pixel_pitch + nearest_inside(column, width) * 3;
        luma[(size_t)row * pitch + column] = luma_of(bgr[0], bgr[1], bgr[2]);
        if (pixel > 0) continue;
        unsigned char* pair = chroma + (size_t)(y / 2) * pitch + x;
        pair[0] = blue_chroma_of(bgr[0], bgr[1], bgr[2]);
        pair[1] = red_chroma_of(bgr[0], bgr[1], bgr[2]);
    }
}
