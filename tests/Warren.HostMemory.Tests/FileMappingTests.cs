namespace Warren.HostMemory.Tests;

public sealed class FileMappingTests : IDisposable
{
    private const ulong Page = 4096;
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"warren-{Guid.NewGuid():N}.bin");
    private readonly byte[] _content = new byte[(10 * 4096) + 1234];

    public FileMappingTests()
    {
        new Random(1).NextBytes(_content);
        File.WriteAllBytes(_path, _content);
    }

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Reads_see_the_file_and_zeros_past_its_end()
    {
        using var memory = new TestMemory();
        using var file = FileImage.Open(_path);
        var hva = memory.Space.MapFile(file, 0, 12 * Page, VmaProtection.Write);
        var read = new byte[11 * 4096];
        memory.Space.Read(hva, read);
        Assert.Equal(_content, read[.._content.Length]);
        Assert.All(read[_content.Length..], b => Assert.Equal(0, b));
        Assert.Equal(FaultStatus.IoError, memory.Space.Fault(hva + (11 * Page), write: false, out _));
        Assert.Equal(Errno.EIO, memory.ErrnoOf(s => s.Write(hva + (11 * Page), [1])));
    }

    [Fact]
    public void Writes_copy_and_never_reach_the_file_or_another_mapping()
    {
        using var memory = new TestMemory();
        using var other = new AddressSpace(memory.Pool);
        using var file = FileImage.Open(_path);
        var hva = memory.Space.MapFile(file, 4096, 4 * Page, VmaProtection.Write);
        var twin = other.MapFile(file, 4096, 4 * Page, VmaProtection.Write);
        Assert.Equal(_content[4096], memory.ReadByte(hva));
        var one = new byte[1];
        other.Read(twin, one);
        Assert.Equal(1, memory.Pool.FramesInUse);

        Assert.Equal(FaultStatus.Ok, memory.Space.Fault(hva, write: false, out var m));
        Assert.False(m.Writable, "a shared page is not handed out writable");
        memory.Pool.Put(m.Pfn);
        memory.WriteByte(hva, (byte)~_content[4096]);
        Assert.Equal((byte)~_content[4096], memory.ReadByte(hva));
        other.Read(twin, one);
        Assert.Equal(_content[4096], one[0]);
        Assert.Equal(_content, File.ReadAllBytes(_path));
        Assert.Equal(1, memory.Space.Statistics.CowBreaks);
        // The rest of the copied page is the file's.
        var rest = new byte[4095];
        memory.Space.Read(hva + 1, rest);
        Assert.Equal(_content[4097..8192], rest);
        // A discard takes the copy away: the file's page is back.
        memory.Space.Discard(hva, Page);
        Assert.Equal(_content[4096], memory.ReadByte(hva));
    }

    [Fact]
    public void Handles_to_one_file_share_its_pages_and_the_last_user_frees_them()
    {
        using var memory = new TestMemory();
        var first = FileImage.Open(_path);
        var second = FileImage.Open(_path);
        Assert.Same(first.Cache, second.Cache);
        var a = memory.Space.MapFile(first, 0, 2 * Page, VmaProtection.Read);
        var b = memory.Space.MapFile(second, 0, 2 * Page, VmaProtection.Read);
        memory.ReadByte(a);
        memory.ReadByte(b);
        Assert.Equal(1, memory.Pool.FramesInUse);
        first.Dispose();
        first.Dispose();
        second.Dispose();
        Assert.Equal(_content[0], memory.ReadByte(a));
        Assert.Equal(_content[4096], memory.ReadByte(b + Page));
        memory.Space.Unmap(a, 2 * Page);
        Assert.Equal(2, memory.Pool.FramesInUse);
        memory.Space.Unmap(b, Page);
        Assert.Equal(2, memory.Pool.FramesInUse);
        memory.Space.Unmap(b + Page, Page);
        Assert.Equal(0, memory.Pool.FramesInUse);
        Assert.Throws<ObjectDisposedException>(() => memory.Space.MapFile(first, 0, Page, VmaProtection.Read));
    }

    [Fact]
    public void An_open_image_keeps_its_pages_and_outlives_the_pool()
    {
        using var file = FileImage.Open(_path);
        var memory = new TestMemory();
        var hva = memory.Space.MapFile(file, 0, Page, VmaProtection.Read);
        memory.ReadByte(hva);
        memory.Space.Unmap(hva, Page);
        Assert.Equal(1, memory.Pool.FramesInUse);
        memory.Pool.Dispose();
        var next = new TestMemory();
        hva = next.Space.MapFile(file, 0, Page, VmaProtection.Read);
        Assert.Equal(_content[0], next.ReadByte(hva));
        next.Space.Dispose();
        Assert.Equal(1, next.Pool.FramesInUse);
        file.Dispose();
        Assert.Equal(0, next.Pool.FramesInUse);
        next.Dispose();
    }

    [Fact]
    public void A_file_truncated_under_us_reads_zeros_or_fails_but_never_crashes()
    {
        using var memory = new TestMemory();
        using var file = FileImage.Open(_path);
        var hva = memory.Space.MapFile(file, 0, 11 * Page, VmaProtection.Write);
        Assert.Equal(_content[0], memory.ReadByte(hva));
        using (var writer = new FileStream(_path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            writer.SetLength(4096 + 100);
        // Cached before: as it was. Half there: zeros after the end. Gone: an I/O error.
        Assert.Equal(_content[0], memory.ReadByte(hva));
        Assert.Equal(_content[4096 + 99], memory.ReadByte(hva + Page + 99));
        Assert.Equal(0, memory.ReadByte(hva + Page + 100));
        Assert.Equal(FaultStatus.IoError, memory.Space.Fault(hva + (5 * Page), write: false, out _));
        Assert.Equal(FaultStatus.IoError, memory.Space.Fault(hva + (5 * Page), write: true, out _));
    }

    [Fact]
    public void A_rewritten_file_is_another_file()
    {
        using var memory = new TestMemory();
        using var old = FileImage.Open(_path);
        var a = memory.Space.MapFile(old, 0, Page, VmaProtection.Read);
        Assert.Equal(_content[0], memory.ReadByte(a));
        var changed = (byte[])_content.Clone();
        changed[0] ^= 0xff;
        File.WriteAllBytes(_path + ".new", changed);
        File.Move(_path + ".new", _path, overwrite: true);
        using var fresh = FileImage.Open(_path);
        var b = memory.Space.MapFile(fresh, 0, Page, VmaProtection.Read);
        Assert.Equal(changed[0], memory.ReadByte(b));
        Assert.Equal(_content[0], memory.ReadByte(a));
    }

    [Fact]
    public void A_fixed_mapping_replaces_what_is_there_within_one_bracket()
    {
        using var memory = new TestMemory();
        using var file = FileImage.Open(_path);
        var ram = memory.Space.Map(4 << 20, VmaProtection.Write);
        var notifier = new RecordingNotifier();
        memory.Space.Notifiers.Register(notifier);
        notifier.Add(memory.Space, ram, 4 << 20);
        memory.WriteByte(ram + Page, 7);
        memory.WriteByte(ram + (20 * Page), 8);
        var at = ram + (2 * Page);
        Assert.Equal(at, memory.Space.MapFile(file, 0, 11 * Page, VmaProtection.Write, at));
        Assert.Equal([$"start Unmap {at:x}-{at + (11 * Page):x} x1", $"end {at:x}-{at + (11 * Page):x}"], notifier.Log);
        Assert.Equal(7, memory.ReadByte(ram + Page));
        Assert.Equal(8, memory.ReadByte(ram + (20 * Page)));
        Assert.Equal(_content[5], memory.ReadByte(at + 5));
        Assert.Equal(Errno.EINVAL, memory.ErrnoOf(s => s.MapFile(file, 0, Page, VmaProtection.Read, ram + 1)));
        Assert.Equal(Errno.EINVAL, memory.ErrnoOf(s => s.MapFile(file, 1, Page, VmaProtection.Read)));
        memory.Space.Notifiers.Unregister(notifier);
    }

    /// <summary>A shared frame is held while it is copied, and let go also when there is no frame for the copy.</summary>
    [Fact]
    public void A_share_that_cannot_be_broken_for_want_of_memory_keeps_its_references()
    {
        using var memory = new TestMemory(budget: new MemoryBudget((long)Page));
        using var file = FileImage.Open(_path);
        var hva = memory.Space.MapFile(file, 0, Page, VmaProtection.Write);
        memory.WriteByte(memory.Space.Map(Page, VmaProtection.Write, hugePages: false), 1);
        Assert.Equal(FaultStatus.Ok, memory.Space.Fault(hva, write: false, out var shared));
        var references = memory.Pool.Info(shared.Pfn).RefCount;
        for (var i = 0; i < 3; i++)
            Assert.Equal(FaultStatus.OutOfMemory, memory.Space.Fault(hva, write: true, out _));
        Assert.Equal(references, memory.Pool.Info(shared.Pfn).RefCount);
        memory.Pool.Put(shared.Pfn);
        Assert.Equal(_content[0], memory.ReadByte(hva));
    }

    [Fact]
    public void Copying_a_shared_page_is_bracketed_by_a_clear_of_that_page()
    {
        using var memory = new TestMemory();
        using var file = FileImage.Open(_path);
        var hva = memory.Space.MapFile(file, 0, 4 * Page, VmaProtection.Write);
        var notifier = new RecordingNotifier();
        memory.Space.Notifiers.Register(notifier);
        notifier.Add(memory.Space, hva, 4 * Page);
        // Nothing mapped yet: a write makes the copy right away, nobody need be told.
        memory.WriteByte(hva, 1);
        Assert.Empty(notifier.Log);
        memory.ReadByte(hva + Page);
        var shared = 0;
        notifier.OnStart = _ =>
        {
            shared = 1;
            return true;
        };
        memory.WriteByte(hva + Page, 1);
        Assert.Equal(1, shared);
        Assert.Equal([$"start Clear {hva + Page:x}-{hva + (2 * Page):x} x1", $"end {hva + Page:x}-{hva + (2 * Page):x}"], notifier.Log);
        memory.Space.Notifiers.Unregister(notifier);
    }

    [Fact]
    public void What_cannot_be_opened_says_why()
    {
        Assert.Equal(Errno.ENOENT, Assert.Throws<HostMemoryException>(() => FileImage.Open(_path + ".missing")).Errno);
        Assert.Equal(Errno.EACCES, Assert.Throws<HostMemoryException>(() => FileImage.Open(Path.GetTempPath())).Errno);
        Assert.Equal(Errno.EACCES, Assert.Throws<HostMemoryException>(() => FileImage.Open("/dev/null")).Errno);
    }
}
