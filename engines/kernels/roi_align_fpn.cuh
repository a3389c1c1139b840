// RoI Align over a feature pyramid: each region reads the map that suits its size.
//
// He, Gkioxari, Dollar, Girshick, "Mask R-CNN", 2017, section 3 (RoIAlign): a region is cut into
// output_side x output_side bins; a bin is the mean of samples that are read between the cells of
// the map by bilinear interpolation, and no coordinate is rounded.
// Lin et al., "Feature Pyramid Networks", 2017, equation 1: a region of w x h pixels reads level
// k = floor(4 + log2(sqrt(w h) / 224)).
//
// The semantics are those of the node RoiAlignFpn (streamdet/networks/nodes.py) and of
// ops/roi_align.py with aligned=False: a region is at least one cell wide and high; a sample more
// than one cell outside the map counts as 0, a nearer one takes the border's value.
#pragma once

#include "portable.cuh"

constexpr int ROI_ALIGN_LEVELS = 5;    // the most maps of a pyramid
constexpr int ROI_ALIGN_CHANNELS = 8;  // a thread reads so many with one reckoning of coordinates

template <typename T>
struct PyramidLevel {
    const T* map;  // (B, C, height, width)
    int height, width;
    float scale;  // cells per pixel
};

struct RoiAlignFpn {
    int images;    // B: how many images the maps hold
    int channels;  // C
    int output_side;
    int sampling_ratio;  // samples of a bin along each axis; <= 0: one for each cell that it spans
    float finest_level;  // log2 of the finest map's stride
    float levels_above;  // number of maps - 1
};

// Equation 1, counted from the finest map; 1e-6 as torchvision adds it against rounding.
// An empty region, or one whose size is no number, reads the finest map.
STREAMDET_DEVICE int pyramid_level(const float* xyxy, const RoiAlignFpn& op) {
    float width = fmaxf(xyxy[2] - xyxy[0], 0.0f), height = fmaxf(xyxy[3] - xyxy[1], 0.0f);
    float relative_side = sqrtf(width * height) / 224.0f;
    float level = floorf(4.0f + log2f(relative_side) + 1e-6f) - op.finest_level;
    return (int)fminf(fmaxf(level, 0.0f), op.levels_above);
}

// The two cells between which a sample lies along one axis, and the share that each gives.
struct Neighbours {
    int low, high;
    float low_share, high_share;
};

// False where the sample is too far outside to count, or its position is no number.
STREAMDET_DEVICE bool neighbours_of(float position, int extent, Neighbours& found) {
    if (!(position >= -1.0f && position <= (float)extent)) return false;
    position = fminf(fmaxf(position, 0.0f), (float)(extent - 1));
    found.low = (int)position;
    found.high = found.low + 1 < extent ? found.low + 1 : found.low;
    found.high_share = position - (float)found.low;
    found.low_share = 1.0f - found.high_share;
    return true;
}

// The samples of one bin along one axis, in cells.
struct Samples {
    float start;  // of the bin
    float step;   // length of the bin
    int count;    // of the bin; 0: the region has no end
    int first, last;  // those of [0, count) that may lie near the map: [first, last)
};

STREAMDET_DEVICE Samples samples_of(float low, float high, int bin, int extent, const RoiAlignFpn& op) {
    float size = fmaxf(high - low, 1.0f);
    if (high != high || low != low) size = NAN;  // fmaxf would take the 1
    Samples samples;
    samples.step = size / (float)op.output_side;
    samples.start = low + (float)bin * samples.step;
    float wanted = op.sampling_ratio > 0 ? (float)op.sampling_ratio : ceilf(samples.step);
    samples.count = wanted > 0.0f && wanted <= 0x1p30f ? (int)wanted : 0;
    // A region may be far larger than its map: what lies outside is not visited. One sample more
    // at each end, against rounding; `neighbours_of` decides.
    float per_sample = samples.step / wanted;
    float first = floorf((-1.0f - samples.start) / per_sample - 0.5f) - 1.0f;
    float last = ceilf(((float)extent - samples.start) / per_sample - 0.5f) + 2.0f;
    samples.first = (int)fminf(fmaxf(first, 0.0f), (float)samples.count);
    samples.last = (int)fmaxf(fminf(last, (float)samples.count), 0.0f);
    return samples;
}

STREAMDET_DEVICE float sample_position(const Samples& samples, int sample) {
    float middle = (float)sample + 0.5f;
    return samples.start + middle * samples.step / (float)samples.count;
}

// Picked by comparisons: an index into arguments would have them copied to slow local memory.
template <typename T>
STREAMDET_DEVICE PyramidLevel<T> level_at(const PyramidLevel<T>* levels, int wanted) {
    PyramidLevel<T> level = levels[0];
    UNROLL
    for (int each = 1; each < ROI_ALIGN_LEVELS; each++)
        if (each == wanted) level = levels[each];
    return level;
}

// Pool one bin of one region in ROI_ALIGN_CHANNELS channels, from `channel` on.
//   roi     index of the image in the batch, then xyxy in pixels; a region whose image is not among
//           the images is padding, its bins are 0
//   levels  the maps, fine to coarse
//   bin     row * output_side + column
//   pooled  (C, output_side, output_side) of this region; all of its values are written
template <typename T>
STREAMDET_DEVICE void roi_align_bin(const float* roi, const PyramidLevel<T>* levels,
                                    const RoiAlignFpn& op, int channel, int bin, T* pooled) {
    float sums[ROI_ALIGN_CHANNELS] = {};
    int bins = op.output_side * op.output_side;
    int channels = op.channels - channel < ROI_ALIGN_CHANNELS ? op.channels - channel : ROI_ALIGN_CHANNELS;
    float samples_of_bin = 1.0f;
    if (roi[0] >= 0.0f && roi[0] < (float)op.images) {
        PyramidLevel<T> level = level_at(levels, pyramid_level(roi + 1, op));
        size_t plane = (size_t)level.height * level.width;
        const T* map = level.map + ((size_t)(int)roi[0] * op.channels + channel) * plane;
        Samples down = samples_of(roi[2] * level.scale, roi[4] * level.scale, bin / op.output_side, level.height, op);
        Samples across = samples_of(roi[1] * level.scale, roi[3] * level.scale, bin % op.output_side, level.width, op);
        samples_of_bin = fmaxf((float)down.count * (float)across.count, 1.0f);
        for (int row = down.first; row < down.last; row++) {
            Neighbours y, x;
            if (!neighbours_of(sample_position(down, row), level.height, y)) continue;
            for (int column = across.first; column < across.last; column++) {
                if (!neighbours_of(sample_position(across, column), level.width, x)) continue;
                const T* low = map + (size_t)y.low * level.width;
                const T* high = map + (size_t)y.high * level.width;
                float shares[4] = {y.low_share * x.low_share, y.low_share * x.high_share,
                                   y.high_share * x.low_share, y.high_share * x.high_share};
                UNROLL
                for (int each = 0; each < ROI_ALIGN_CHANNELS; each++) {
                    if (each >= channels) break;
                    size_t skipped = each * plane;
                    sums[each] += shares[0] * load(low + skipped + x.low) + shares[1] * load(low + skipped + x.high) +
                                  shares[2] * load(high + skipped + x.low) + shares[3] * load(high + skipped + x.high);
                }
            }
        }
    }
    UNROLL
    for (int each = 0; each < ROI_ALIGN_CHANNELS; each++)
        if (each < channels) store(pooled + (size_t)(channel + each) * bins + bin, sums[each] / samples_of_bin);
}
