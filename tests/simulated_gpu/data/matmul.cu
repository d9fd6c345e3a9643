#define TILE 16
extern "C" __global__ void matmul(const float* a, const float* b, float* c, int n) {
  __shared__ float as[TILE][TILE];
  __shared__ float bs[TILE][TILE];
  int row = blockIdx.y * TILE + threadIdx.y;
  int column = blockIdx.x * TILE + threadIdx.x;
  float sum = 0.0f;
  for (int tile = 0; tile < (n + TILE - 1) / TILE; ++tile) {
    int k = tile * TILE + threadIdx.x;
    as[threadIdx.y][threadIdx.x] = row < n && k < n ? a[row * n + k] : 0.0f;
    k = tile * TILE + threadIdx.y;
    bs[threadIdx.y][threadIdx.x] = k < n && column < n ? b[k * n + column] : 0.0f;
    __syncthreads();
    for (int i = 0; i < TILE; ++i) sum += as[threadIdx.y][i] * bs[i][threadIdx.x];
    __syncthreads();
  }
  if (row < n && column < n) c[row * n + column] = sum;
}
