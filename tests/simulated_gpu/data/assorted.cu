// What the other two kernels do not need: double precision, 64-bit integers, atomic operations, shuffles, dynamic shared
// memory, vectors, bytes, and the functions that the compiler makes of many instructions.

extern "C" __global__ void mandelbrot(unsigned* out, int width, int height, int limit) {
  int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  double cr = -2.0 + 3.0 * x / width, ci = -1.0 + 2.0 * y / height, zr = 0, zi = 0;
  int n = 0;
  while (n < limit && zr * zr + zi * zi <= 4.0) {
    double t = zr * zr - zi * zi + cr;
    zi = 2 * zr * zi + ci;
    zr = t;
    ++n;
  }
  out[y * width + x] = n;
}

extern "C" __global__ void hits(unsigned long long seed, unsigned* hits, unsigned long long per_thread) {
  unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x;
  unsigned long long s = seed + i * 0x9E3779B97F4A7C15ull;
  unsigned found = 0;
  for (unsigned long long k = 0; k < per_thread; ++k) {
    s += 0x9E3779B97F4A7C15ull;
    unsigned long long z = s;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z ^= z >> 31;
    float x = (unsigned)(z >> 40) * (1.0f / 16777216), y = (unsigned)((z >> 8) & 0xffffff) * (1.0f / 16777216);
    if (x * x + y * y < 1.0f) ++found;
  }
  atomicAdd(hits, found);
}

extern "C" __global__ void sum(const float* x, float* out, unsigned n) {
  extern __shared__ float shared[];
  unsigned t = threadIdx.x;
  float s = 0;
  for (unsigned i = blockIdx.x * blockDim.x + t; i < n; i += blockDim.x * gridDim.x) s += x[i];
  for (int o = 16; o; o >>= 1) s += __shfl_down_sync(0xffffffffu, s, o);
  if ((t & 31) == 0) shared[t >> 5] = s;
  __syncthreads();
  if (t < 32) {
    s = t < blockDim.x / 32 ? shared[t] : 0;
    for (int o = 16; o; o >>= 1) s += __shfl_down_sync(0xffffffffu, s, o);
    if (!t) out[blockIdx.x] = s;
  }
}

struct __align__(16) Four { float x, y, z, w; };

extern "C" __global__ void functions(Four* fours, int* numbers, unsigned char* bytes, int divisor) {
  int i = threadIdx.x;
  Four q = fours[i];
  fours[i] = Four{expf(q.x), logf(q.y), sqrtf(q.z) / q.w, fminf(q.x, q.w)};
  numbers[i] = (i * 1000 - 7777) / divisor + (i * 1000 - 7777) % 7 + __popc(i) + __clz(i);
  bytes[i] = (unsigned char)(numbers[i] >> 3);
}

// For large arguments it reads a table and writes memory of its own.
extern "C" __global__ void sines(const float* x, float* out) { out[threadIdx.x] = sinf(x[threadIdx.x]); }
