using FsCheck;
using FsCheck.Fluent;

namespace Warren.HostMemory.Tests;

/// <summary>Random operations on an address space against a model that keeps one record a page.</summary>
public sealed class ModelTests : IDisposable
{
    private const ulong Page = 4096;

    /// <summary>The window operations act in: three blocks of 2 MiB, so that blocks form, split and are cut.</summary>
    private const int Pages = 3 * 512;

    private static readonly Hva Window = new(0x4000_0000);
    private const int FilePages = 40;

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"warren-{Guid.NewGuid():N}.bin");
    private readonly byte[] _content = new byte[(FilePages * 4096) - 777];

    public ModelTests()
    {
        new Random(2).NextBytes(_content);
        File.WriteAllBytes(_path, _content);
    }

    public void Dispose() => File.Delete(_path);

    internal enum Kind
    {
        Map,
        MapSmall,
        MapFile,
        Unmap,
        Protect,
        Discard,
        Write,
        Read,
        Fault,
        Reap,
    }

    internal sealed record Operation(Kind Kind, int Page, int Count, int Value)
    {
        public override string ToString() => $"{Kind} page {Page} count {Count} value {Value}";
    }

    /// <summary>A page of the model: what it may be accessed for, its file page or -1, and what was written, if anything.</summary>
    private sealed record PageModel(VmaProtection Protection, int FilePage, byte[]? Written);

    private static Gen<Operation> OneOperation()
    {
        // Lengths: mostly a few pages, sometimes blocks; starts often at block borders.
        var counts = Gen.Frequency((4, Gen.Choose(1, 12)), (1, Gen.Choose(1, 700)), (2, Gen.Constant(512)));
        var starts = Gen.Frequency((3, Gen.Choose(0, Pages - 1)), (2, Gen.Elements(0, 512, 1024, 1, 511, 513)), (2, Gen.Choose(500, 530)));
        var kinds = Gen.Frequency(
            (3, Gen.Constant(Kind.Map)),
            (1, Gen.Constant(Kind.MapSmall)),
            (2, Gen.Constant(Kind.MapFile)),
            (2, Gen.Constant(Kind.Unmap)),
            (3, Gen.Constant(Kind.Protect)),
            (3, Gen.Constant(Kind.Discard)),
            (8, Gen.Constant(Kind.Write)),
            (5, Gen.Constant(Kind.Read)),
            (3, Gen.Constant(Kind.Fault)),
            (1, Gen.Constant(Kind.Reap)));
        return kinds.SelectMany(kind => starts.SelectMany(page => counts.SelectMany(count => Gen.Choose(0, 1 << 20)
            .Select(value => new Operation(kind, page, Math.Min(count, Pages - page), value)))));
    }

    [Fact]
    public void Any_sequence_of_operations_does_what_a_page_by_page_model_does()
    {
        var sequences = OneOperation().ListOf().ToArbitrary();
        // Half of them begin with everything mapped by blocks, so that most operations find something to cut.
        var whole = new Operation(Kind.Map, 0, Pages, 2);
        Prop.ForAll(sequences, operations => Replay(operations.Count % 2 == 0 ? [whole, .. operations] : [.. operations]))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(200).WithEndSize(80));
    }

    private void Replay(Operation[] operations)
    {
        using var memory = new TestMemory(64 << 20);
        using var file = FileImage.Open(_path);
        var notifier = new RecordingNotifier { KeepLog = false };
        memory.Space.Notifiers.Register(notifier);
        notifier.Add(memory.Space, Window, Pages * Page / 2);
        notifier.Add(memory.Space, Window + (100 * Page), 800 * Page);
        var model = new PageModel?[Pages];
        foreach (var operation in operations)
            Apply(memory, file, model, operation);
        for (var page = 0; page < Pages; page++)
        {
            if (page % 37 == 0 || model[page]?.Written is not null)
                VerifyPage(memory, model, page);
        }

        Assert.Null(notifier.Violation);
        Assert.Equal(0, notifier.Open);
    }

    private void Apply(TestMemory memory, FileImage file, PageModel?[] model, Operation op)
    {
        var hva = Window + ((ulong)op.Page * Page);
        var length = (ulong)op.Count * Page;
        var pages = model.AsSpan(op.Page, op.Count);
        var covered = !pages.Contains(null);
        var space = memory.Space;
        switch (op.Kind)
        {
            case Kind.Map or Kind.MapSmall:
                var free = true;
                foreach (var page in pages)
                    free &= page is null;
                var protection = (VmaProtection)(op.Value % 4);
                var placed = space.Map(length, protection, hva, hugePages: op.Kind == Kind.Map);
                Assert.Equal(free, placed == hva);
                if (free)
                    pages.Fill(new PageModel(protection, -1, null));
                else
                    space.Unmap(placed, length);
                break;
            case Kind.MapFile:
                var first = op.Value % FilePages;
                Assert.Equal(hva, space.MapFile(file, first * (long)Page, length, VmaProtection.Write, hva));
                for (var i = 0; i < pages.Length; i++)
                    pages[i] = new PageModel(VmaProtection.Write, first + i, null);
                break;
            case Kind.Unmap:
                space.Unmap(hva, length);
                pages.Clear();
                break;
            case Kind.Protect when covered:
                space.Protect(hva, length, (VmaProtection)(op.Value % 4));
                foreach (ref var page in pages)
                    page = page! with { Protection = (VmaProtection)(op.Value % 4) };
                break;
            case Kind.Protect:
                Assert.Equal(Errno.ENOMEM, memory.ErrnoOf(s => s.Protect(hva, length, VmaProtection.Read)));
                break;
            case Kind.Discard:
                if (covered)
                    space.Discard(hva, length);
                else
                    Assert.Equal(Errno.ENOMEM, memory.ErrnoOf(s => s.Discard(hva, length)));
                Forget(pages);
                break;
            case Kind.Reap:
                Assert.True(space.ReapNonBlocking(hva, length));
                Forget(pages);
                break;
            case Kind.Write:
                Write(memory, model, op);
                break;
            case Kind.Read:
                VerifyPage(memory, model, op.Page);
                VerifyPage(memory, model, op.Page + op.Count - 1);
                break;
            default:
                VerifyFault(memory, model[op.Page], hva, write: (op.Value & 1) != 0);
                if ((op.Value & 1) != 0 && Writable(model[op.Page]) && InFile(model[op.Page]!))
                    model[op.Page] = model[op.Page]! with { Written = Content(model[op.Page]!) };
                break;
        }
    }

    private static void Forget(Span<PageModel?> pages)
    {
        foreach (ref var page in pages)
        {
            if (page is not null)
                page = page with { Written = null };
        }
    }

    private void Write(TestMemory memory, PageModel?[] model, Operation op)
    {
        var page = model[op.Page];
        var offset = op.Value % 4000;
        var data = BitConverter.GetBytes(op.Value);
        var hva = Window + ((ulong)op.Page * Page) + (ulong)offset;
        if (!Writable(page))
        {
            Assert.Equal(Errno.EFAULT, memory.ErrnoOf(s => s.Write(hva, data)));
            return;
        }

        if (!InFile(page!))
        {
            Assert.Equal(Errno.EIO, memory.ErrnoOf(s => s.Write(hva, data)));
            return;
        }

        memory.Space.Write(hva, data);
        var content = (byte[])Content(page!).Clone();
        data.CopyTo(content, offset);
        model[op.Page] = page! with { Written = content };
    }

    private void VerifyPage(TestMemory memory, PageModel?[] model, int index)
    {
        var hva = Window + ((ulong)index * Page);
        var page = model[index];
        var read = new byte[Page];
        if (page is null || page.Protection == VmaProtection.None)
        {
            Assert.Equal(Errno.EFAULT, memory.ErrnoOf(s => s.Read(hva, read)));
        }
        else if (!InFile(page))
        {
            Assert.Equal(Errno.EIO, memory.ErrnoOf(s => s.Read(hva, read)));
        }
        else
        {
            memory.Space.Read(hva, read);
            Assert.True(Content(page).AsSpan().SequenceEqual(read), $"page {index} differs from the model");
        }
    }

    private static void VerifyFault(TestMemory memory, PageModel? page, Hva hva, bool write)
    {
        var status = memory.Space.Fault(hva, write, out var mapping);
        var expected = page is null ? FaultStatus.NoVma
            : (write ? !Writable(page) : page.Protection == VmaProtection.None) ? FaultStatus.Protection
            : !InFile(page) ? FaultStatus.IoError
            : FaultStatus.Ok;
        Assert.Equal(expected, status);
        if (status != FaultStatus.Ok)
            return;
        Assert.True(!write || mapping.Writable);
        Assert.True(!mapping.Writable || Writable(page), "writable beyond the mapping's rights");
        Assert.True(page!.FilePage < 0 || page.Written is not null || write || !mapping.Writable, "a file's page handed out writable");
        Assert.True(mapping.Order == 0 || mapping.Pfn.IndexInBlock == (int)(hva.Value >> 12) % 512);
        memory.Pool.Put(mapping.Pfn);
    }

    private static bool Writable(PageModel? page) => page is not null && (page.Protection & VmaProtection.Write) != 0;

    private static bool InFile(PageModel page) => page.FilePage < FilePages || page.Written is not null;

    private byte[] Content(PageModel page)
    {
        if (page.Written is not null)
            return page.Written;
        var content = new byte[Page];
        if (page.FilePage >= 0)
        {
            var from = page.FilePage * (int)Page;
            _content.AsSpan(from, Math.Min((int)Page, _content.Length - from)).CopyTo(content);
        }

        return content;
    }
}
