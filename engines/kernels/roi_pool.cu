// RoiPool on the GPU: a block is a part of one region; a thread is one bin in one channel.
//
// Launch: grid (R, ceil(C * output_height * output_width / 256)), block 256, no dynamic shared
// memory; no launch where R is 0.
//
// Arguments, in this order:
//   rois      (R, 5) float32: index of the image in the batch, then xyxy in pixels
//   features  (B, C, height, width) float32 or float16
//   images, channels, height, width   B, C and the sides of the map
//   output_height, output_width, scale (float)   the node's attributes
//   pooled    (R, C, output_height, output_width) of the features' type
#include "roi_pool.cuh"

template <typename T>
STREAMDET_DEVICE void roi_pool(const float* rois, const T* features, const RoiPool& op, T* pooled) {
    const int bins = op.output_height * op.output_width, place = blockIdx.y * blockDim.x + threadIdx.x;
    const int channel = place / bins, bin = place % bins;
    if (channel >= op.channels) return;
    const size_t region = blockIdx.x;
    float highest = roi_pool_bin(rois + region * 5, features, op, channel, bin / op.output_width, bin % op.output_width);
    store(pooled + region * op.channels * bins + place, highest);
}

#define ROI_POOL(name, T)                                                                                       \
    extern "C" __global__ void __launch_bounds__(256)                                                           \
        name(const float* rois, const T* features, int images, int channels, int height, int width,             \
             int output_height, int output_width, float scale, T* pooled) {                                     \
        roi_pool(rois, features, RoiPool{images, channels, height, width, output_height, output_width, scale}, \
                 pooled);                                                                                       \
    }

ROI_POOL(roi_pool_f32, float)
ROI_POOL(roi_pool_f16, Half)
