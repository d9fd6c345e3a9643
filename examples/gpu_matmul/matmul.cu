// C = A * B, for square matrices of n rows, row by row in memory.
//
// A block computes a tile of 16 x 16 elements of C. It goes through A and B tile by tile: each thread brings one element of
// each into shared memory, where all of the block need it sixteen times. What lies beyond the edge is 0.
#define TILE 16

extern "C" __global__ void matmul(const float *a, const float *b, float *c, unsigned n)
{
    __shared__ float tile_of_a[TILE][TILE];
    __shared__ float tile_of_b[TILE][TILE];

    unsigned x = threadIdx.x, y = threadIdx.y;
    unsigned column = blockIdx.x * TILE + x;
    unsigned row = blockIdx.y * TILE + y;
    float sum = 0.0f;
#pragma unroll 1
    for (unsigned start = 0; start < n; start += TILE) {
        unsigned k = start + x, l = start + y;
        tile_of_a[y][x] = row < n && k < n ? a[(size_t)row * n + k] : 0.0f;
        tile_of_b[y][x] = l < n && column < n ? b[(size_t)l * n + column] : 0.0f;
        __syncthreads();
#pragma unroll
        for (unsigned i = 0; i < TILE; i++)
            sum += tile_of_a[y][i] * tile_of_b[i][x];
        // Nobody overwrites a tile that another thread still reads.
        __syncthreads();
    }
    if (row < n && column < n)
        c[(size_t)row * n + column] = sum;
}
