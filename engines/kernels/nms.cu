// Nms on the GPU, in three kernels that follow each other on one stream, and the rows that it keeps.
//
//   nms_order   how many candidates an image has (score above the threshold), and in which order
//               they are visited. Grid (max(ceil(N / 32), 1), B), block 256.
//   nms_overlaps   the table of bits, 64 x 64 pairs a block; blocks below the diagonal do nothing.
//               Grid (T, T, B) with T = ceil(N / 64), block 64; no launch where T is 0.
//   nms_keep    walks over the table. Grid (B), block 256.
//   nms_take    copies what is kept out of the candidates; zeros from counts[b] on.
//               Grid (ceil(K / 256), B), block 256; no launch where K is 0.
//
// None has dynamic shared memory. Arguments, in the order of each kernel:
//   xyxy        (B, N, 4) float32 pixels
//   scores      (B, N) float32
//   class_ids   (B, N) int64
//   boxes       N, at most 65,536
//   most        K
//   score_thresh (float), iou_thresh (double)
//   workspace:
//   order       (B, N) int32: which box is visited when; from candidates[b] on it means nothing
//   candidates  (B,) int32
//   drops       (B, N, T) uint64: row i is the i-th visited box, bit j of word w box 64 w + j;
//               words left of the diagonal, and rows and words beyond the candidates, mean nothing
//   outputs:
//   indices     (B, K) int64, by falling score, ties by index; 0 from counts[b] on
//   counts      (B,) int64
#include "nms.cuh"
#include "rank.cuh"

constexpr int NMS_THREADS = 256;

extern "C" __global__ void __launch_bounds__(RANK_THREADS)
    nms_order(const float* scores, int boxes, float score_thresh, int* order, int* candidates) {
    const int index = ranked_index();
    scores += (size_t)blockIdx.y * boxes;
    const float score = index < boxes ? scores[index] : NAN;
    const Rank rank = rank_of(score, index, scores, boxes, score_thresh);
    if (threadIdx.x >= RANK_CANDIDATES) return;
    if (score > score_thresh) order[(size_t)blockIdx.y * boxes + rank.before] = index;
    if (index == 0) candidates[blockIdx.y] = rank.candidates;
}

extern "C" __global__ void __launch_bounds__(NMS_TILE)
    nms_overlaps(const float* xyxy, const long long* class_ids, int boxes, double iou_thresh,
                 const int* order, const int* candidates, Bits* drops) {
    __shared__ Box columns[NMS_TILE];
    __shared__ long long column_classes[NMS_TILE];
    const int tiles = gridDim.x, count = candidates[blockIdx.z], thread = threadIdx.x;
    const int first_row = blockIdx.y * NMS_TILE, first_column = blockIdx.x * NMS_TILE;
    if (first_column < first_row || first_column >= count) return;
    const int row = first_row + thread, column = first_column + thread;
    const Box* of_image = (const Box*)xyxy + (size_t)blockIdx.z * boxes;
    class_ids += (size_t)blockIdx.z * boxes;
    order += (size_t)blockIdx.z * boxes;
    if (column < count) {
        columns[thread] = of_image[order[column]];
        column_classes[thread] = class_ids[order[column]];
    }
    __syncthreads();
    if (row >= count) return;
    Box box = of_image[order[row]];
    long long class_id = class_ids[order[row]];
    Bits dropped = 0;
    for (int other = 0; other < NMS_TILE; other++) {
        int place = first_column + other;
        if (place <= row || place >= count || column_classes[other] != class_id) continue;
        if (overlap_exceeds(box, columns[other], iou_thresh)) dropped |= (Bits)1 << other;
    }
    drops[((size_t)blockIdx.z * boxes + row) * tiles + blockIdx.x] = dropped;
}

extern "C" __global__ void __launch_bounds__(NMS_THREADS)
    nms_keep(int boxes, int most, const int* order, const int* candidates, const Bits* drops,
             long long* indices, long long* counts) {
    __shared__ Bits dropped[NMS_MOST_TILES];
    __shared__ Bits drops_in_tile[NMS_TILE];
    const int tiles = (boxes + NMS_TILE - 1) / NMS_TILE, count = candidates[blockIdx.x];
    const int thread = threadIdx.x, lane = thread % NMS_TILE;
    int kept_before = 0;
    order += (size_t)blockIdx.x * boxes;
    drops += (size_t)blockIdx.x * boxes * tiles;
    indices += (size_t)blockIdx.x * most;
    for (int tile = thread; tile < tiles; tile += NMS_THREADS) dropped[tile] = 0;
    Bits next = lane < count ? drops[(size_t)lane * tiles] : 0;  // of the tile that comes, fetched early
    for (int tile = 0; tile * NMS_TILE < count && kept_before < most; tile++) {
        const int first = tile * NMS_TILE, rows = count - first < NMS_TILE ? count - first : NMS_TILE;
        if (thread < NMS_TILE) drops_in_tile[thread] = next;
        __syncthreads();
        const int coming = first + NMS_TILE + lane;
        if (coming < count) next = drops[(size_t)coming * tiles + tile + 1];
        const Bits there = rows < NMS_TILE ? ((Bits)1 << rows) - 1 : ~(Bits)0;
        const Bits kept = kept_of_tile(there & ~dropped[tile], drops_in_tile);
        const Bits mine = (Bits)1 << lane;
        const int place = kept_before + count_bits(kept & (mine - 1));
        if (thread < NMS_TILE && kept & mine && place < most) indices[place] = order[first + thread];
        kept_before += count_bits(kept);
        // A thread joins every fourth row in some words: it waits for all its loads together.
        for (int word = tile + 1 + lane; word * NMS_TILE < count; word += NMS_TILE) {
            Bits joined = 0;
            UNROLL
            for (int row = 0; row < NMS_TILE; row += NMS_THREADS / NMS_TILE) {
                const int at = row + thread / NMS_TILE;
                if (kept >> at & 1) joined |= drops[(size_t)(first + at) * tiles + word];
            }
            atomicOr(&dropped[word], joined);
        }
        __syncthreads();
    }
    int kept_in_all = kept_before < most ? kept_before : most;
    for (int place = kept_in_all + thread; place < most; place += NMS_THREADS) indices[place] = 0;
    if (thread == 0) counts[blockIdx.x] = kept_in_all;
}

extern "C" __global__ void __launch_bounds__(NMS_THREADS)
    nms_take(const float* xyxy, const float* scores, const long long* class_ids, int boxes, int most,
             const long long* indices, const long long* counts, float* kept_xyxy,
             float* kept_scores, long long* kept_class_ids) {
    const int place = blockIdx.x * NMS_THREADS + threadIdx.x;
    if (place >= most) return;
    const size_t to = (size_t)blockIdx.y * most + place;
    const bool is_kept = place < counts[blockIdx.y];
    const size_t from = (size_t)blockIdx.y * boxes + (is_kept ? indices[to] : 0);
    for (int side = 0; side < 4; side++)
        kept_xyxy[to * 4 + side] = is_kept ? xyxy[from * 4 + side] : 0.0f;
    kept_scores[to] = is_kept ? scores[from] : 0.0f;
    kept_class_ids[to] = is_kept ? class_ids[from] : 0;
}
