using System.Text;
using Warren.Images.Compression;

namespace Warren.Images.Tests;

public sealed class XzTests
{
    [Fact]
    public void Checks_have_their_published_values()
    {
        Assert.Equal(0xCBF43926u, Crc.Compute32("123456789"u8));
        Assert.Equal(0x995DC9BBDF1939FAul, Crc.Compute64("123456789"u8));
        var data = SampleData.Mixed(1, 1000);
        Assert.Equal(Crc.Compute32(data), Crc.Append32(Crc.Compute32(data.AsSpan(0, 333)), data.AsSpan(333)));
        Assert.Equal(Crc.Compute64(data), Crc.Append64(Crc.Compute64(data.AsSpan(0, 7)), data.AsSpan(7)));
    }

    [Fact]
    public void Reads_files_made_by_xz()
    {
        foreach ((var _, var file, var expected) in XzSamples.All)
            Assert.Equal(expected, Encoding.ASCII.GetString(Decode(Convert.FromBase64String(file))));
    }

    [SkippableTheory]
    [InlineData("-0", "crc32")]
    [InlineData("-1", "crc64")]
    [InlineData("-6", "sha256")]
    [InlineData("-9e", "none")]
    [InlineData("--lzma2=preset=6,lc=0,lp=4,pb=0", "crc64")]
    [InlineData("--lzma2=preset=6,lc=4,lp=0,pb=4", "crc64")]
    [InlineData("--lzma2=preset=2,lc=1,lp=3,pb=2,dict=4096", "crc32")]
    [InlineData("--block-size=65536", "sha256")]
    [InlineData("-T2", "crc64")]
    public void Agrees_with_xz(string option, string check)
    {
        Tool.Require("xz");
        foreach (var length in (int[])[0, 1, 2, 4095, 65_536, 65_537, 300_000, 2_500_000])
        {
            var data = SampleData.Mixed(length, length);
            var packed = Tool.Run("xz", data, "-c", "--check=" + check, option);
            Assert.True(data.AsSpan().SequenceEqual(Decode(packed)), $"{length} bytes");
        }
    }

    [SkippableFact]
    public void Slides_a_small_dictionary_over_a_large_output()
    {
        Tool.Require("xz");
        var data = SampleData.Mixed(5, 10 << 20);
        var packed = Tool.Run("xz", data, "-c", "--lzma2=preset=0,dict=1MiB");
        var before = GC.GetAllocatedBytesForCurrentThread();
        using XzStream stream = new(new MemoryStream(packed));
        var buffer = new byte[40_000];
        var at = 0;
        int count;
        while ((count = stream.Read(buffer)) > 0)
        {
            Assert.True(data.AsSpan(at, count).SequenceEqual(buffer.AsSpan(0, count)));
            at += count;
        }
        Assert.Equal(data.Length, at);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
    }

    [Fact]
    public void Reads_streams_one_after_another_with_padding_between()
    {
        (var _, var file, var text) = XzSamples.All[0];
        var one = Convert.FromBase64String(file);
        Assert.Equal(text + text, Encoding.ASCII.GetString(Decode([.. one, .. one])));
        Assert.Equal(text + text, Encoding.ASCII.GetString(Decode([.. one, 0, 0, 0, 0, 0, 0, 0, 0, .. one, 0, 0, 0, 0])));
        AssertRefused([.. one, 0, 0, 0, .. one]);
        AssertRefused([.. one, 0, 0]);
        AssertRefused([.. one, 1, 2, 3, 4]);
    }

    [Fact]
    public void Notices_every_flipped_bit()
    {
        foreach ((var name, var file, var _) in XzSamples.All)
        {
            var packed = Convert.FromBase64String(file);
            for (var bit = 0; bit < packed.Length * 8; bit++)
            {
                var altered = (byte[])packed.Clone();
                altered[bit / 8] ^= (byte)(1 << (bit % 8));
                AssertRefused(altered, $"{name}, bit {bit}");
            }
        }
    }

    [Fact]
    public void Notices_every_truncation()
    {
        foreach ((var name, var file, var _) in XzSamples.All)
        {
            var packed = Convert.FromBase64String(file);
            for (var length = 0; length < packed.Length; length++)
                AssertRefused(packed[..length], $"{name}, {length} bytes");
        }
    }

    [SkippableTheory]
    [InlineData("--x86", "--lzma2")]
    [InlineData("--delta=dist=4", "--lzma2")]
    public void Says_which_filter_it_does_not_unpack(string filter, string last)
    {
        Tool.Require("xz");
        var packed = Tool.Run("xz", SampleData.Mixed(2, 5000), "-c", filter, last);
        var e = Assert.Throws<ImageException>(() => Decode(packed));
        Assert.Equal(ImageError.Unsupported, e.Error);
        Assert.Contains("filter", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_a_dictionary_larger_than_memory_allows()
    {
        Assert.Equal(4096, Lzma2Decoder.DictionarySize(0));
        Assert.Equal(6144, Lzma2Decoder.DictionarySize(1));
        Assert.Equal(8 << 20, Lzma2Decoder.DictionarySize(22));
        Assert.Equal(64 << 20, Lzma2Decoder.DictionarySize(28));
        foreach (var property in (byte[])[29, 39, 40, 41, 255])
            Assert.Throws<ImageException>(() => Lzma2Decoder.DictionarySize(property));
    }

    internal static byte[] Decode(byte[] packed)
    {
        using XzStream stream = new(new MemoryStream(packed));
        using MemoryStream output = new();
        stream.CopyTo(output);
        return output.ToArray();
    }

    private static void AssertRefused(byte[] packed, string what = "")
    {
        try
        {
            Decode(packed);
        }
        catch (ImageException)
        {
            return;
        }
        Assert.Fail("accepted: " + what);
    }
}
