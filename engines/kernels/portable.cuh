// What nvcc and g++ both have to know, so that one header of arithmetic serves the GPU and the CPU.
//
// A header here holds plain functions on numbers and pointers: no thread index, no shared memory.
// The .cu file beside it spreads them over threads. nvcc makes PTX of it; g++ makes functions of it
// that tests/emulation runs, a block's threads one after the other.
#pragma once

#include <math.h>
#include <string.h>

#ifdef __CUDACC__
#include <cuda_fp16.h>
#define STREAMDET_DEVICE __device__ __forceinline__
#define UNROLL _Pragma("unroll")
#else
#define STREAMDET_DEVICE inline
#define UNROLL
#endif

// A number of 16 bits (IEEE 754 binary16), as it lies in memory. Nothing is computed in it.
struct Half {
    unsigned short bits;
};

#ifdef __CUDACC__

STREAMDET_DEVICE float half_to_float(Half half) {
    return __half2float(__ushort_as_half(half.bits));
}

STREAMDET_DEVICE Half float_to_half(float value) {
    return {__half_as_ushort(__float2half_rn(value))};
}

STREAMDET_DEVICE int lowest_bit(unsigned long long bits) {
    return __ffsll((long long)bits) - 1;
}

STREAMDET_DEVICE int count_bits(unsigned long long bits) {
    return __popcll(bits);
}

#else

inline unsigned int bits_of(float value) {
    unsigned int bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline float float_of(unsigned int bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

inline float half_to_float(Half half) {
    unsigned int sign = (half.bits & 0x8000u) << 16, magnitude = half.bits & 0x7fffu;
    if (magnitude >= 0x7c00u) return float_of(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
    float scaled = float_of(magnitude << 13) * 0x1p112f;  // exponents of binary16 begin 112 later
    return float_of(sign | bits_of(scaled));
}

// Rounds to nearest, ties to even, as __float2half_rn does.
inline Half float_to_half(float value) {
    unsigned int bits = bits_of(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return {(unsigned short)0x7fffu};
    if (magnitude >= 0x477ff000u) return {(unsigned short)(sign | 0x7c00u)};
    if (magnitude < 0x38800000u) {  // subnormal: 0.5f has its last digit where theirs is
        unsigned int sum = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
        return {(unsigned short)(sign | sum)};
    }
    magnitude += 0xfffu + (magnitude >> 13 & 1u);
    return {(unsigned short)(sign | (magnitude - 0x38000000u) >> 13)};
}

inline int lowest_bit(unsigned long long bits) {
    return __builtin_ffsll((long long)bits) - 1;
}

inline int count_bits(unsigned long long bits) {
    return __builtin_popcountll(bits);
}

#endif

STREAMDET_DEVICE float load(const float* at) {
    return *at;
}

STREAMDET_DEVICE float load(const Half* at) {
    return half_to_float(*at);
}

STREAMDET_DEVICE void store(float* at, float value) {
    *at = value;
}

STREAMDET_DEVICE void store(Half* at, float value) {
    *at = float_to_half(value);
}
