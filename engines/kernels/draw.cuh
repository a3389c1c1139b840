// Boxes and labels drawn into NV12, as streamdet/sinks/yuv_image.py draws them into I420.
//
// NV12 has a row of y for each row of pixels, then a row of u and v for each two: one pair for
// 2 x 2 pixels. What is drawn is a list of operations, the later above the earlier: a rectangle of
// one colour, or a colour laid on through a mask of coverage (letters, lines), 0..255 as a
// rasteriser makes it; "over" of Porter, Duff, "Compositing digital images", 1984, section 4.
#pragma once

#include "portable.cuh"

enum DrawKind { DRAW_FILL = 0, DRAW_FILL_LUMA = 1, DRAW_MASK = 2 };

struct DrawOperation {
    int x1, y1, x2, y2;  // pixels; x2 and y2 lie just outside; even, but for DRAW_FILL_LUMA
    int kind;
    int ink;   // y, u, v: the lowest three bytes
    int mask;  // DRAW_MASK: where its coverage begins, (y2 - y1, x2 - x1), then that of chroma, half
    int padding;
};

STREAMDET_DEVICE int ink_of(const DrawOperation& operation, int plane) {
    return operation.ink >> 8 * plane & 255;
}

// A colour laid over another; a coverage of 255 leaves nothing of it.
STREAMDET_DEVICE int laid_over(int under, int ink, int coverage) {
    return (under * (255 - coverage) + ink * coverage + 127) / 255;
}

STREAMDET_DEVICE bool touches(const DrawOperation& operation, int x1, int y1, int x2, int y2) {
    return operation.x1 < x2 && x1 < operation.x2 && operation.y1 < y2 && y1 < operation.y2;
}

STREAMDET_DEVICE int drawn_luma(const DrawOperation& operation, const unsigned char* masks, int x, int y, int under) {
    if (!touches(operation, x, y, x + 1, y + 1)) return under;
    if (operation.kind != DRAW_MASK) return ink_of(operation, 0);
    int width = operation.x2 - operation.x1;
    const unsigned char* mask = masks + operation.mask;
    return laid_over(under, ink_of(operation, 0), mask[(y - operation.y1) * width + x - operation.x1]);
}

// plane 1: u, 2: v; x and y count pairs of u and v.
STREAMDET_DEVICE int drawn_chroma(const DrawOperation& operation, const unsigned char* masks, int x, int y, int plane,
                                  int under) {
    if (operation.kind == DRAW_FILL_LUMA || !touches(operation, 2 * x, 2 * y, 2 * x + 1, 2 * y + 1)) return under;
    if (operation.kind != DRAW_MASK) return ink_of(operation, plane);
    int width = operation.x2 - operation.x1, height = operation.y2 - operation.y1;
    const unsigned char* mask = masks + operation.mask + width * height;
    int place = (y - operation.y1 / 2) * (width / 2) + x - operation.x1 / 2;
    return laid_over(under, ink_of(operation, plane), mask[place]);
}
