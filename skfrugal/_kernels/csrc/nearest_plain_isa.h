/* The vectors of nearest_isa.h as plain loops, for any other machine. */

#define VI_LANES 4
#define NEAREST_TILE 4
#define VI_PER_PANEL 2
typedef struct {
    int32_t lane[VI_LANES];
} VI;
INLINE VI vi_load(const void *p)
{
    VI x;
    memcpy(&x, p, sizeof x);
    return x;
}
INLINE void vi_store(void *p, VI x) { memcpy(p, &x, sizeof x); }
INLINE VI vi_splat(int32_t value)
{
    VI x;
    for (int i = 0; i < VI_LANES; i++) x.lane[i] = value;
    return x;
}
INLINE VI vi_add(VI a, VI b)
{
    for (int i = 0; i < VI_LANES; i++)
        a.lane[i] = (int32_t)((uint32_t)a.lane[i] + (uint32_t)b.lane[i]);
    return a;
}
INLINE VI vi_sub(VI a, VI b)
{
    for (int i = 0; i < VI_LANES; i++)
        a.lane[i] = (int32_t)((uint32_t)a.lane[i] - (uint32_t)b.lane[i]);
    return a;
}
INLINE VI vi_min(VI a, VI b)
{
    for (int i = 0; i < VI_LANES; i++)
        if (b.lane[i] < a.lane[i]) a.lane[i] = b.lane[i];
    return a;
}
INLINE unsigned vi_le(VI a, VI b)
{
    unsigned mask = 0;
    for (int i = 0; i < VI_LANES; i++) mask |= (unsigned)(a.lane[i] <= b.lane[i]) << i;
    return mask;
}
INLINE VI vi_dot16(VI acc, VI a, VI b)
{
    int16_t left[2 * VI_LANES], right[2 * VI_LANES];
    memcpy(left, &a, sizeof left);
    memcpy(right, &b, sizeof right);
    for (int i = 0; i < VI_LANES; i++)
        acc.lane[i] = (int32_t)((uint32_t)acc.lane[i]
                                + (uint32_t)(left[2 * i] * right[2 * i])
                                + (uint32_t)(left[2 * i + 1] * right[2 * i + 1]));
    return acc;
}
