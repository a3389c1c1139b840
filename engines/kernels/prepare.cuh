// A decoded frame -> what a network reads, in one pass: colours, resizing, padding, normalisation.
//
// Each pixel of the result is read from four pixels of the frame. The arithmetic is the integers of
// the libraries that the CPU pipeline runs, so that a network sees the same image on both:
//   resizing  OpenCV's INTER_LINEAR for bytes: weights of 11 bits, and four bits dropped between
//             the two axes (modules/imgproc/src/resize.cpp).
//   NV12      FFmpeg's yuv420p -> bgr24 without resizing, as its x86 code computes it: products of
//             16 bits whose lower half is dropped, each chroma value for four pixels
//             (libswscale/x86/yuv_2_rgb.asm); coefficients by ITU-R BT.601 or BT.709.
// Then ((value in the network's order of channels) - mean) / std, which is models' `input`.
#pragma once

#include "portable.cuh"

struct Bgr {
    int value[3];  // blue, green, red: 0..255
};

// Where the image lies in the result: the rest is padding. A stretched one fills it.
struct Placement {
    int out_height, out_width;  // of the result
    int top, left;              // of the resized image in it
    int height, width;          // of the resized image
    double scale_y, scale_x;    // source pixels per pixel of the resized image
};

struct Normalisation {
    int is_rgb;  // 0: the result's channels are blue, green, red
    float mean[3], std[3];
    Bgr padding;
};

// How YUV becomes BGR: factors times 8192, as swscale rounds them.
struct YuvMatrix {
    int luma, luma_offset;  // the offset times 8
    int blue_from_u, green_from_u, green_from_v, red_from_v;
};

struct BgrFrame {
    const unsigned char* pixels;  // rows of blue, green, red
    int pitch;                    // bytes from row to row
    int height, width;
};

struct Nv12Frame {
    const unsigned char *luma, *chroma;  // chroma: rows of u, v for 2 x 2 pixels
    int pitch;                           // bytes from row to row, of both
    int height, width;
    YuvMatrix matrix;
};

STREAMDET_DEVICE int clamp_to_byte(int value) {
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

STREAMDET_DEVICE Bgr pixel_of(const BgrFrame& frame, int y, int x) {
    const unsigned char* at = frame.pixels + (size_t)y * frame.pitch + (size_t)x * 3;
    return {{at[0], at[1], at[2]}};
}

STREAMDET_DEVICE Bgr pixel_of(const Nv12Frame& frame, int y, int x) {
    const unsigned char* chroma = frame.chroma + (size_t)(y / 2) * frame.pitch + (x / 2) * 2;
    const YuvMatrix& matrix = frame.matrix;
    int luma = frame.luma[(size_t)y * frame.pitch + x] * 8 - matrix.luma_offset;
    int u = chroma[0] * 8 - 1024, v = chroma[1] * 8 - 1024, light = luma * matrix.luma >> 16;
    return {{clamp_to_byte(light + (u * matrix.blue_from_u >> 16)),
             clamp_to_byte(light + (u * matrix.green_from_u >> 16) + (v * matrix.green_from_v >> 16)),
             clamp_to_byte(light + (v * matrix.red_from_v >> 16))}};
}

// The two source pixels between which a pixel lies along one axis, and their shares of 2048.
struct Between {
    int low, high;
    int low_share, high_share;
};

STREAMDET_DEVICE Between between_pixels(int place, double scale, int extent, bool is_column) {
    float position = (float)((place + 0.5) * scale - 0.5);
    int low = (int)floorf(position);
    float share = position - (float)low;
    // OpenCV takes the border's column as it is, but mixes the border's row with itself.
    if (is_column && (low < 0 || low >= extent - 1)) share = 0.0f;
    Between found;
    found.low_share = (int)rintf((1.0f - share) * 2048.0f);
    found.high_share = (int)rintf(share * 2048.0f);
    found.low = low < 0 ? 0 : low < extent ? low : extent - 1;
    found.high = low + 1 < 0 ? 0 : low + 1 < extent ? low + 1 : extent - 1;
    return found;
}

template <typename Frame>
STREAMDET_DEVICE Bgr resized_pixel(const Frame& frame, const Placement& placement, int y, int x) {
    Between rows = between_pixels(y, placement.scale_y, frame.height, false);
    Between columns = between_pixels(x, placement.scale_x, frame.width, true);
    Bgr above[2] = {pixel_of(frame, rows.low, columns.low), pixel_of(frame, rows.low, columns.high)};
    Bgr below[2] = {pixel_of(frame, rows.high, columns.low), pixel_of(frame, rows.high, columns.high)};
    Bgr mixed;
    for (int channel = 0; channel < 3; channel++) {
        int high = above[0].value[channel] * columns.low_share + above[1].value[channel] * columns.high_share;
        int low = below[0].value[channel] * columns.low_share + below[1].value[channel] * columns.high_share;
        mixed.value[channel] = ((rows.low_share * (high >> 4) >> 16) + (rows.high_share * (low >> 4) >> 16) + 2) >> 2;
    }
    return mixed;
}

// The pixel (y, x) of the result, before normalisation.
template <typename Frame>
STREAMDET_DEVICE Bgr placed_pixel(const Frame& frame, const Placement& placement, const Bgr& padding, int y, int x) {
    int row = y - placement.top, column = x - placement.left;
    bool is_inside = row >= 0 && row < placement.height && column >= 0 && column < placement.width;
    return is_inside ? resized_pixel(frame, placement, row, column) : padding;
}

// Write the pixel (y, x) of the result as bytes, (out_height, out_width, 3).
template <typename Frame>
STREAMDET_DEVICE void resize_pixel(const Frame& frame, const Placement& placement, const Bgr& padding, int y, int x,
                                   unsigned char* resized) {
    Bgr pixel = placed_pixel(frame, placement, padding, y, x);
    resized += ((size_t)y * placement.out_width + x) * 3;
    UNROLL
    for (int channel = 0; channel < 3; channel++) resized[channel] = (unsigned char)pixel.value[channel];
}

// Write the pixel (y, x) of the result, (3, out_height, out_width).
template <typename Frame, typename T>
STREAMDET_DEVICE void prepare_pixel(const Frame& frame, const Placement& placement, const Normalisation& normal,
                                    int y, int x, T* prepared) {
    Bgr pixel = placed_pixel(frame, placement, normal.padding, y, x);
    size_t plane = (size_t)placement.out_height * placement.out_width;
    prepared += (size_t)y * placement.out_width + x;
    UNROLL
    for (int channel = 0; channel < 3; channel++) {
        int value = normal.is_rgb ? pixel.value[2 - channel] : pixel.value[channel];
        store(prepared + channel * plane, ((float)value - normal.mean[channel]) / normal.std[channel]);
    }
}
