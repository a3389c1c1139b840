// A frame in device memory -> one normalised (3, H, W) image of a network's batch: a thread a pixel.
//
// Launch: grid (ceil(W / 32), ceil(H / 8)), block (32, 8), no dynamic shared memory.
//
// Arguments of prepare_bgr_f32, prepare_bgr_f16, in this order:
//   pixels, pitch        rows of blue, green, red bytes, and the bytes from row to row
//   of prepare_nv12_f32, prepare_nv12_f16:
//   luma, chroma, pitch  rows of y, rows of u and v
//   luma_factor, luma_offset, blue_from_u, green_from_u, green_from_v, red_from_v   see YuvMatrix
// then of all four:
//   height, width        of the frame
//   out_height, out_width, top, left, resized_height, resized_width
//   scale_y, scale_x     double: source pixels per pixel
//   is_rgb               1: the result begins with red
//   mean0 .. mean2, std0 .. std2    float, in the result's order of channels
//   pad_blue, pad_green, pad_red    0..255
//   prepared             (3, out_height, out_width) float32 or float16
//
// Arguments of resize_bgr: pixels, pitch, height .. scale_x as above, pad_blue .. pad_red, and
//   resized              (out_height, out_width, 3) bytes: what a detector on the CPU reads
#include "prepare.cuh"

template <typename Frame, typename T>
STREAMDET_DEVICE void prepare(const Frame& frame, const Placement& placement, const Normalisation& normal, T* prepared) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x < placement.out_width && y < placement.out_height) prepare_pixel(frame, placement, normal, y, x, prepared);
}

#define PLACED                                                                                              \
    int height, int width, int out_height, int out_width, int top, int left, int resized_height,            \
        int resized_width, double scale_y, double scale_x, int is_rgb, float mean0, float mean1, float mean2, \
        float std0, float std1, float std2, int pad_blue, int pad_green, int pad_red
#define PLACEMENT Placement{out_height, out_width, top, left, resized_height, resized_width, scale_y, scale_x}
#define NORMALISATION                                                                     \
    Normalisation {                                                                       \
        is_rgb, {mean0, mean1, mean2}, {std0, std1, std2}, {{pad_blue, pad_green, pad_red}} \
    }

#define PREPARE_BGR(name, T)                                                                                 \
    extern "C" __global__ void __launch_bounds__(256) name(const unsigned char* pixels, int pitch, PLACED,   \
                                                           T* prepared) {                                    \
        prepare(BgrFrame{pixels, pitch, height, width}, PLACEMENT, NORMALISATION, prepared);                 \
    }

#define PREPARE_NV12(name, T)                                                                                \
    extern "C" __global__ void __launch_bounds__(256)                                                        \
        name(const unsigned char* luma, const unsigned char* chroma, int pitch, int luma_factor,             \
             int luma_offset, int blue_from_u, int green_from_u, int green_from_v, int red_from_v, PLACED,   \
             T* prepared) {                                                                                  \
        const YuvMatrix matrix = {luma_factor, luma_offset, blue_from_u, green_from_u, green_from_v, red_from_v}; \
        prepare(Nv12Frame{luma, chroma, pitch, height, width, matrix}, PLACEMENT, NORMALISATION, prepared);  \
    }

PREPARE_BGR(prepare_bgr_f32, float)
PREPARE_BGR(prepare_bgr_f16, Half)
PREPARE_NV12(prepare_nv12_f32, float)
PREPARE_NV12(prepare_nv12_f16, Half)

extern "C" __global__ void __launch_bounds__(256)
    resize_bgr(const unsigned char* pixels, int pitch, int height, int width, int out_height, int out_width, int top,
               int left, int resized_height, int resized_width, double scale_y, double scale_x, int pad_blue,
               int pad_green, int pad_red, unsigned char* resized) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x < out_width && y < out_height)
        resize_pixel(BgrFrame{pixels, pitch, height, width}, PLACEMENT, Bgr{{pad_blue, pad_green, pad_red}}, y, x,
                     resized);
}
