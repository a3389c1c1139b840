// RoI Pool: the maximum of a feature map in each bin of each region.
//
// Girshick, "Fast R-CNN", 2015, section 2.1: a region of h x w cells is cut into a grid of about
// (h / H) x (w / W) cells, and each is max-pooled. Everything is snapped to whole cells, which RoI
// Align later gave up: a region to the nearest ones, both corners included, a bin outwards. So
// neighbouring bins overlap where the sides do not divide (He et al., "SPP-net", 2014, appendix A).
//
// The semantics are those of the node RoiPool (streamdet/networks/nodes.py) and of ops/roi_pool.py;
// float16 features are pooled as they are, coordinates are float32.
#pragma once

#include "portable.cuh"

struct RoiPool {
    int images;         // B
    int channels;       // C
    int height, width;  // of the map, cells
    int output_height, output_width;
    float scale;  // cells per pixel
};

// The nearest whole cell, halves away from 0; 2^24, beyond which float32 knows no fractions, is
// outside every map.
STREAMDET_DEVICE int nearest_cell(float pixels, float scale) {
    return (int)roundf(fminf(fmaxf(pixels * scale, -0x1p24f), 0x1p24f));
}

// The cells [begin, end) of one bin along one axis, cut at the map's edge.
struct Bin {
    int begin, end;
};

STREAMDET_DEVICE Bin bin_of(int first, int last, int bin, int bins, int extent) {
    int size = (last > first ? last : first) + 1 - first;  // a region inside out is one cell
    float step = (float)size / (float)bins;
    int begin = first + (int)floorf((float)bin * step);
    int end = first + (int)ceilf((float)(bin + 1) * step);
    return {begin < 0 ? 0 : begin > extent ? extent : begin, end < 0 ? 0 : end > extent ? extent : end};
}

// Pool one bin of one region in one channel.
//   roi       index of the image in the batch, then xyxy in pixels
//   features  (B, C, height, width)
//   Returns 0 for a bin outside the map, a region with a NaN, and padding: a region whose image is
//   not among the images. A NaN among the features is the maximum.
template <typename T>
STREAMDET_DEVICE float roi_pool_bin(const float* roi, const T* features, const RoiPool& op, int channel, int row,
                                    int column) {
    bool is_region = roi[0] >= 0.0f && roi[0] < (float)op.images;
    for (int corner = 1; corner < 5; corner++) is_region = is_region && roi[corner] == roi[corner];
    if (!is_region) return 0.0f;
    Bin rows = bin_of(nearest_cell(roi[2], op.scale), nearest_cell(roi[4], op.scale), row, op.output_height, op.height);
    Bin columns = bin_of(nearest_cell(roi[1], op.scale), nearest_cell(roi[3], op.scale), column, op.output_width, op.width);
    if (rows.begin >= rows.end || columns.begin >= columns.end) return 0.0f;
    const T* map = features + ((size_t)(int)roi[0] * op.channels + channel) * op.height * op.width;
    float highest = -INFINITY;
    for (int y = rows.begin; y < rows.end; y++)
        for (int x = columns.begin; x < columns.end; x++) {
            float value = load(map + (size_t)y * op.width + x);
            if (!(value <= highest)) highest = value;
            if (value != value) return value;
        }
    return highest;
}
