// RoiAlignFpn on the GPU: a block is a part of one region; a thread is one bin in 8 channels.
//
// Launch: grid (R, ceil(ceil(C / 8) * output_side^2 / 256)), block 256, no dynamic shared memory;
// no launch where R is 0. Pointers of maps that a pyramid lacks may be null.
//
// Arguments, in this order:
//   rois           (R, 5) float32: index of the image in the batch, then xyxy in pixels
//   map0 .. map4   (B, C, height, width) each, fine to coarse, all float32 or all float16
//   images         B
//   channels       C
//   output_side, sampling_ratio, finest_level (float), levels_above (float): the node's attributes
//   height0, width0, scale0 .. height4, width4, scale4: int, int, float of each map
//   pooled         (R, C, output_side, output_side) of the maps' type
#include "roi_align_fpn.cuh"

template <typename T>
STREAMDET_DEVICE void roi_align_fpn(const float* rois, const PyramidLevel<T>* levels, const RoiAlignFpn& op,
                                    T* pooled) {
    int bins = op.output_side * op.output_side;
    int place = blockIdx.y * blockDim.x + threadIdx.x;
    int channel = place / bins * ROI_ALIGN_CHANNELS;
    if (channel >= op.channels) return;
    size_t region = blockIdx.x;
    roi_align_bin(rois + region * 5, levels, op, channel, place % bins, pooled + region * op.channels * bins);
}

#define ROI_ALIGN_FPN(name, T)                                                                              \
    extern "C" __global__ void __launch_bounds__(256, 3) name(                                                 \
        const float* rois, const T* map0, const T* map1, const T* map2, const T* map3, const T* map4,       \
        int images, int channels, int output_side, int sampling_ratio, float finest_level,                  \
        float levels_above, int height0, int width0, float scale0, int height1, int width1, float scale1,   \
        int height2, int width2, float scale2, int height3, int width3, float scale3, int height4,          \
        int width4, float scale4, T* pooled) {                                                              \
        const PyramidLevel<T> levels[ROI_ALIGN_LEVELS] = {{map0, height0, width0, scale0},                  \
                                                          {map1, height1, width1, scale1},                  \
                                                          {map2, height2, width2, scale2},                  \
                                                          {map3, height3, width3, scale3},                  \
                                                          {map4, height4, width4, scale4}};                 \
        roi_align_fpn(rois, levels,                                                                         \
                      RoiAlignFpn{images, channels, output_side, sampling_ratio, finest_level, levels_above}, \
                      pooled);                                                                              \
    }

ROI_ALIGN_FPN(roi_align_fpn_f32, float)
ROI_ALIGN_FPN(roi_align_fpn_f16, Half)
