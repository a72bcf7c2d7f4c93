using Warren.RiscV.FloatingPoint;

namespace Warren.RiscV.Tests.FloatingPoint;

public class NanBoxingTests
{
    [Theory]
    [InlineData(0xffff_ffff_3f80_0000, 0x3f80_0000u)]
    [InlineData(0xffff_ffff_ffff_ffff, 0xffff_ffffu)]
    [InlineData(0xffff_ffff_0000_0000, 0u)]
    [InlineData(0xffff_fffe_3f80_0000, Float32.CanonicalNaN)]
    [InlineData(0x7fff_ffff_3f80_0000, Float32.CanonicalNaN)]
    [InlineData(0x0000_0000_3f80_0000, Float32.CanonicalNaN)]
    [InlineData(0xffff_fffe_ffff_ffff, Float32.CanonicalNaN)]
    public void Only_a_full_box_yields_its_single(ulong register, uint single) => Assert.Equal(single, NanBoxing.UnboxSingle(register));

    [Theory]
    [InlineData(0u)]
    [InlineData(0x8000_0000u)]
    [InlineData(0x7f80_0001u)]
    [InlineData(0xffff_ffffu)]
    public void Boxing_round_trips(uint single)
    {
        Assert.Equal(0xffff_ffff_0000_0000 | single, NanBoxing.BoxSingle(single));
        Assert.Equal(single, NanBoxing.UnboxSingle(NanBoxing.BoxSingle(single)));
    }
}
