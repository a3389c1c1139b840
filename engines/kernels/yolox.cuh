// YOLOX: from the head's numbers to candidates for suppression.
//
// Ge, Liu, Wang, Li, Sun, "YOLOX: Exceeding YOLO Series in 2021", arXiv 2107.08430, section 2.1:
// anchor-free, one box a cell of three maps with strides 8, 16 and 32. A cell's score is its
// objectness times its best class; its box is a centre counted in cells from the cell's corner, and
// the logarithms of width and height in cells.
//
// As detectors/yolox.py decodes it: a cell has one class, the best (the lowest of equals); the cells
// whose score reaches the threshold go on by falling score, ties by cell.
#pragma once

#include "portable.cuh"

constexpr int YOLOX_MAPS = 3;
constexpr int YOLOX_FINEST_STRIDE = 8;

struct YoloxCell {
    float score;  // -1: no candidate
    int class_id;
};

// What a cell says: `numbers` are its box (4), objectness, and a score for each class.
template <typename T>
STREAMDET_DEVICE YoloxCell yolox_cell(const T* numbers, int classes, const unsigned char* is_wanted, float score_thresh) {
    float objectness = load(numbers + 4), best = load(numbers + 5);
    if (!(objectness >= score_thresh)) return {-1.0f, 0};  // most cells: no score exceeds objectness
    int class_id = 0;
    for (int each = 1; each < classes && best == best; each++) {
        float score = load(numbers + 5 + each);
        if (score > best || score != score) best = score, class_id = each;
    }
    float score = objectness * best;
    return {score >= score_thresh && is_wanted[class_id] ? score : -1.0f, class_id};
}

struct Corner {
    float x, y;     // of the cell, counted in cells of its own map
    float stride;  // pixels per cell
};

// Cells are numbered map by map, row by row; a map has ceil(side / stride) cells a side.
STREAMDET_DEVICE Corner yolox_corner(int cell, int input_height, int input_width) {
    int stride = YOLOX_FINEST_STRIDE, columns = 1;
    for (int map = 0; map < YOLOX_MAPS; map++, stride *= 2) {
        columns = (input_width + stride - 1) / stride;
        int cells = columns * ((input_height + stride - 1) / stride);
        if (cell < cells) break;
        cell -= cells;
    }
    return {(float)(cell % columns), (float)(cell / columns), (float)stride};
}

// The box of a cell, xyxy in pixels. `are_deltas` 0: the network gives centre and size in pixels.
// False where it is not finite.
template <typename T>
STREAMDET_DEVICE bool yolox_box(const T* numbers, int cell, int input_height, int input_width, int are_deltas,
                                float* xyxy) {
    float x = load(numbers), y = load(numbers + 1), width = load(numbers + 2), height = load(numbers + 3);
    if (are_deltas) {
        Corner corner = yolox_corner(cell, input_height, input_width);
        x = (x + corner.x) * corner.stride, y = (y + corner.y) * corner.stride;
        width = expf(width) * corner.stride, height = expf(height) * corner.stride;
    }
    xyxy[0] = x - width / 2, xyxy[1] = y - height / 2, xyxy[2] = x + width / 2, xyxy[3] = y + height / 2;
    bool is_finite = true;
    for (int edge = 0; edge < 4; edge++) is_finite = is_finite && fabsf(xyxy[edge]) < INFINITY;
    return is_finite;
}
