// Greedy non-maximum suppression with classes, decided bit for bit as streamdet/ops/nms.py does.
//
// Girshick et al., "Rich feature hierarchies" (R-CNN), 2014, section 2.2: going from the best score
// to the worst, a box that is still there drops all later ones of its class whose overlap with it
// (intersection over union) is above a threshold.
//
// On a GPU the boxes cannot be visited one by one. All pairs are compared at once, 64 x 64 of them a
// block, into a table of bits: bit j of row i says that box i would drop box j. Then one block walks
// over the table, 64 rows a step, and the order of the visits is kept.
#pragma once

#include "portable.cuh"

constexpr int NMS_TILE = 64;         // boxes of a tile: the bits of a word
constexpr int NMS_MOST_TILES = 1024;  // of an image: 65,536 boxes, 8 KiB of shared memory

typedef unsigned long long Bits;

struct Box {
    float x1, y1, x2, y2;  // pixels
};

STREAMDET_DEVICE double box_area(const Box& box) {
    return ((double)box.x2 - box.x1) * ((double)box.y2 - box.y1);
}

// Whether the overlap of two boxes is above a threshold (0..1), in float64 as ops/iou.py computes it.
// Never where an edge is NaN, or where the boxes do not meet: these are most pairs, and are told by
// comparisons of float32, which are exact.
STREAMDET_DEVICE bool overlap_exceeds(const Box& a, const Box& b, double iou_thresh) {
    bool meet = a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
    if (!meet || !(a.x1 < a.x2 && b.x1 < b.x2 && a.y1 < a.y2 && b.y1 < b.y2)) return false;
    double width = (double)(a.x2 < b.x2 ? a.x2 : b.x2) - (a.x1 > b.x1 ? a.x1 : b.x1);
    double height = (double)(a.y2 < b.y2 ? a.y2 : b.y2) - (a.y1 > b.y1 ? a.y1 : b.y1);
    double intersection = width * height;
    double both = box_area(a) + box_area(b);
    return intersection / (both - intersection) > iou_thresh;
}

// Which of the boxes of one tile are kept.
//   alive   bit i: box i of the tile has not been dropped by a box of an earlier tile
//   drops   drops[i], bit j > i: box i drops box j of the same tile
STREAMDET_DEVICE Bits kept_of_tile(Bits alive, const Bits* drops) {
    Bits unvisited = alive;
    while (unvisited) {
        int box = lowest_bit(unvisited);
        alive &= ~drops[box];
        unvisited &= ~drops[box] & ~((Bits)1 << box);
    }
    return alive;
}
