using Warren.Machines;
using Warren.Machines.Boot;

namespace Warren.Tests.Boot;

/// <summary>Debian's own kernel, copied incompletely.</summary>
[Collection(nameof(GuestImages))]
[Trait("Length", "Gate")]
public class CutImageTests(GuestImageFixture images)
{
    [SkippableTheory]
    [InlineData(64)]
    [InlineData(4096)]
    [InlineData(5_000_000)]
    [InlineData(-4096)]
    [InlineData(-1)]
    public void Is_refused_wherever_it_was_cut(long length)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.Copy(images.Options().KernelPath, path, overwrite: true);
            Assert.Equal(KernelFormat.Image, KernelFile.Open(path, MemoryMap.Ram).Format);
            using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
                RandomAccess.SetLength(file, length > 0 ? length : RandomAccess.GetLength(file) + length);
            var refusal = Assert.Throws<MachineConfigurationException>(() => KernelFile.Open(path, MemoryMap.Ram));
            Assert.Contains("cut short", refusal.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
