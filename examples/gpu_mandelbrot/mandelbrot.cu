// One thread follows one point of a strip of rows: how many steps until it has left the circle, and at which square of its
// distance. A point that stays gets `iterations` and 0.
extern "C" __global__ void mandelbrot(const unsigned *first_row, unsigned *steps, double *distances, unsigned width,
                                      unsigned height, unsigned rows, double scale, unsigned iterations)
{
    unsigned column = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned row = blockIdx.y * blockDim.y + threadIdx.y;
    if (column >= width || row >= rows)
        return;

    double real = (column + 0.5 - width * 0.5) * scale - 0.5;
    double imaginary = (first_row[0] + row + 0.5 - height * 0.5) * scale;
    double x = 0.0, y = 0.0, distance = 0.0;
    unsigned step = 0;
#pragma unroll 1
    for (; step < iterations; step++) {
        double xx = x * x, yy = y * y;
        if (xx + yy > 256.0) {
            distance = xx + yy;
            break;
        }
        y = 2.0 * x * y + imaginary;
        x = xx - yy + real;
    }
    unsigned place = row * width + column;
    steps[place] = step;
    distances[place] = distance;
}
