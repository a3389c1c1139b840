// YOLOX decoding and top-k on the GPU, in two kernels that follow each other on one stream.
//
//   yolox_cells_f32, yolox_cells_f16   score and class of each cell, a thread each.
//                Grid (ceil(N / 256), B), block 256.
//   yolox_top_f32, yolox_top_f16   the K best of each image, decoded, in order.
//                Grid (ceil(N / 32), B), block 256.
//
// None has dynamic shared memory. Arguments, in the order of each kernel:
//   output      (B, N, 5 + C) float32 or float16: what the network gives
//   cells       N
//   classes     C
//   is_wanted   (C,) uint8: 1 for a class that is kept
//   score_thresh   float, at least 0: a candidate's score is not below it
//   input_height, input_width   of the network's image, pixels
//   are_deltas  1: boxes are counted from their cells; 0: centre and size in pixels
//   most        K
//   workspace:
//   cell_scores   (B, N) float32, -1 for no candidate
//   cell_classes  (B, N) int32
//   outputs, written whole; a row without candidate has score -1 and zeros:
//   xyxy        (B, K, 4) float32 pixels
//   scores      (B, K) float32; -1 where the box is not finite, too
//   class_ids   (B, K) int64
#include "rank.cuh"
#include "yolox.cuh"

template <typename T>
STREAMDET_DEVICE void yolox_cells(const T* output, int cells, int classes, const unsigned char* is_wanted,
                                  float score_thresh, float* cell_scores, int* cell_classes) {
    const int cell = blockIdx.x * RANK_THREADS + threadIdx.x;
    if (cell >= cells) return;
    const size_t place = (size_t)blockIdx.y * cells + cell;
    YoloxCell found = yolox_cell(output + place * (5 + classes), classes, is_wanted, score_thresh);
    cell_scores[place] = found.score;
    cell_classes[place] = found.class_id;
}

template <typename T>
STREAMDET_DEVICE void yolox_top(const T* output, int cells, int classes, int input_height, int input_width,
                                int are_deltas, int most, const float* cell_scores, const int* cell_classes,
                                float* xyxy, float* scores, long long* class_ids) {
    const int cell = ranked_index();
    const size_t image = blockIdx.y;
    cell_scores += image * cells, cell_classes += image * cells;
    xyxy += image * most * 4, scores += image * most, class_ids += image * most;
    const float score = cell < cells ? cell_scores[cell] : NAN;
    const Rank rank = rank_of(score, cell, cell_scores, cells, -0.5f);
    if (threadIdx.x < RANK_CANDIDATES && score > -0.5f && rank.before < most) {
        const int row = rank.before;
        const T* numbers = output + (image * cells + cell) * (5 + classes);
        bool is_finite = yolox_box(numbers, cell, input_height, input_width, are_deltas, xyxy + row * 4);
        scores[row] = is_finite ? score : -1.0f;
        class_ids[row] = cell_classes[cell];
    }
    const int thread = blockIdx.x * RANK_THREADS + threadIdx.x;
    for (int row = rank.candidates + thread; row < most; row += gridDim.x * RANK_THREADS) {
        for (int edge = 0; edge < 4; edge++) xyxy[row * 4 + edge] = 0.0f;
        scores[row] = -1.0f;
        class_ids[row] = 0;
    }
}

#define YOLOX(suffix, T)                                                                                        \
    extern "C" __global__ void __launch_bounds__(RANK_THREADS)                                                  \
        yolox_cells_##suffix(const T* output, int cells, int classes, const unsigned char* is_wanted,           \
                             float score_thresh, float* cell_scores, int* cell_classes) {                       \
        yolox_cells(output, cells, classes, is_wanted, score_thresh, cell_scores, cell_classes);                \
    }                                                                                                           \
    extern "C" __global__ void __launch_bounds__(RANK_THREADS)                                                  \
        yolox_top_##suffix(const T* output, int cells, int classes, int input_height, int input_width,          \
                           int are_deltas, int most, const float* cell_scores, const int* cell_classes,         \
                           float* xyxy, float* scores, long long* class_ids) {                                  \
        yolox_top(output, cells, classes, input_height, input_width, are_deltas, most, cell_scores, cell_classes, \
                  xyxy, scores, class_ids);                                                                     \
    }

YOLOX(f32, float)
YOLOX(f16, Half)
