// Ranks of scores without sorting: the rank of a candidate is the number of those before it.
//
// That is N^2 comparisons, but each is one instruction, all threads are independent, and ties have
// an order: for the few thousand candidates of an image it beats a sorting network (Satish, Harris,
// Garland, "Designing efficient sorting algorithms for manycore GPUs", 2009, is the way beyond).
// A block reads the scores tile by tile into shared memory: each is fetched once a block.
#pragma once

#include "portable.cuh"

constexpr int RANK_THREADS = 256;     // of a block, and scores of a tile
constexpr int RANK_CANDIDATES = 32;   // of a block: a warp has one thread for each
constexpr int RANK_WARPS = RANK_THREADS / RANK_CANDIDATES;  // each looks at its part of a tile

struct Rank {
    int before;      // candidates that come before this one
    int candidates;  // in all
};

// By falling score, ties by index.
STREAMDET_DEVICE bool comes_before(float score, int index, float other_score, int other_index) {
    return score > other_score || (score == other_score && index < other_index);
}

// Which candidate a thread is for; a block's first warp answers for them.
STREAMDET_DEVICE int ranked_index() {
    return blockIdx.x * RANK_CANDIDATES + threadIdx.x % RANK_CANDIDATES;
}

// The rank of each thread's candidate; all threads of a block must call it, in a grid of
// ceil(count / RANK_CANDIDATES) blocks of RANK_THREADS.
//   score, index  of this thread's candidate; NaN for none
//   scores        (count,); a candidate's score is above `low`, which NaN never is
STREAMDET_DEVICE Rank rank_of(float score, int index, const float* scores, int count, float low) {
    __shared__ float tile[RANK_THREADS];
    __shared__ Rank parts[RANK_THREADS];
    const int thread = threadIdx.x, lane = thread % RANK_CANDIDATES, first = thread - lane;
    Rank part = {0, 0};
    for (int start = 0; start < count; start += RANK_THREADS) {
        tile[thread] = start + thread < count ? scores[start + thread] : NAN;
        __syncthreads();
        UNROLL
        for (int other = first; other < first + RANK_CANDIDATES; other++) {
            bool is_candidate = tile[other] > low;
            part.candidates += is_candidate;
            part.before += is_candidate && comes_before(tile[other], start + other, score, index);
        }
        __syncthreads();
    }
    parts[thread] = part;
    __syncthreads();
    Rank rank = {0, 0};
    for (int warp = 0; warp < RANK_WARPS; warp++) {
        rank.before += parts[warp * RANK_CANDIDATES + lane].before;
        rank.candidates += parts[warp * RANK_CANDIDATES + lane].candidates;
    }
    return rank;
}
