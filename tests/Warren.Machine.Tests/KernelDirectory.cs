using Warren.Machines.Boot;

namespace Warren.Machines.Tests;

/// <summary>A directory of kernels for one test.</summary>
public abstract class KernelDirectory : IDisposable
{
    protected string DirectoryPath { get; } = Directory.CreateTempSubdirectory("warren-kernel-").FullName;

    public void Dispose()
    {
        Directory.Delete(DirectoryPath, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected string Save(string name, byte[] content)
    {
        var path = Path.Combine(DirectoryPath, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private protected KernelImage Open(string name, byte[] content) =>
        KernelFile.Open(Save(name, content), MemoryMap.Ram, Path.Combine(DirectoryPath, "cache"));

    protected string Refusal(string name, byte[] content)
    {
        var message = Assert.Throws<MachineConfigurationException>(() => Open(name, content)).Message;
        Assert.DoesNotContain('\n', message);
        Assert.EndsWith(".", message, StringComparison.Ordinal);
        return message;
    }
}
