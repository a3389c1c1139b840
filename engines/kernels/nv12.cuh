// A frame of blue, green, red bytes as video encoders take it: 4:2:0, as OpenCV 4 converts it.
//
// ITU-R BT.601, limited range, in 20 bits after the point, rounded; a chroma pair is that of the
// upper left one of its four pixels (OpenCV, COLOR_BGR2YUV_I420).
#pragma once

#include "portable.cuh"

constexpr int YUV_SHIFT = 20, YUV_HALF = 1 << (YUV_SHIFT - 1);

STREAMDET_DEVICE unsigned char luma_of(int blue, int green, int red) {
    return (269484 * red + 528482 * green + 102760 * blue + YUV_HALF + (16 << YUV_SHIFT)) >> YUV_SHIFT;
}

STREAMDET_DEVICE unsigned char blue_chroma_of(int blue, int green, int red) {
    return (-155188 * red - 305135 * green + 460324 * blue + YUV_HALF + (128 << YUV_SHIFT)) >> YUV_SHIFT;
}

STREAMDET_DEVICE unsigned char red_chroma_of(int blue, int green, int red) {
    return (460324 * red - 385875 * green - 74448 * blue + YUV_HALF + (128 << YUV_SHIFT)) >> YUV_SHIFT;
}

STREAMDET_DEVICE int nearest_inside(int position, int length) {
    return position < length ? position : length - 1;
}
