using System.Text;

namespace Warren.Machines.Boot;

/// <summary>The kernel's command line as it reaches the kernel: UTF-8 in the device tree's <c>bootargs</c>, ended by a NUL.</summary>
internal static class KernelCommandLine
{
    /// <summary>
    /// The longest that Linux takes on RISC-V, in bytes (COMMAND_LINE_SIZE 1024, its NUL included; 512 in old kernels, whose images
    /// do not say so). It cuts without a word what is longer.
    /// </summary>
    private const int MaxLinuxBytes = 1023;

    /// <summary>Throws <see cref="MachineConfigurationException"/>, one sentence, for text that would not arrive as it is.</summary>
    public static void Validate(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\0')
                throw new MachineConfigurationException("The kernel's command line holds a NUL character; take it out.");
            if (char.IsControl(text[i]))
            {
                throw new MachineConfigurationException(
                    $"The kernel's command line holds a control character (U+{(int)text[i]:X4}, after {i} others); write it on one line, "
                        + $"with spaces.");
            }
            if (!char.IsSurrogate(text[i]))
                continue;
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
            {
                i++;
                continue;
            }
            throw new MachineConfigurationException(text[i] is >= '\uDC80' and <= '\uDCFF'
                ? $"The kernel's command line holds the byte 0x{text[i] & 0xff:x2}, which is no part of UTF-8; take it out."
                : $"The kernel's command line holds half of a character (U+{(int)text[i]:X4}), which UTF-8 cannot carry; take it out.");
        }
    }

    /// <summary>As <see cref="Validate"/>, for text that is too long for <paramref name="format"/>.</summary>
    public static void CheckLength(string text, KernelFormat format)
    {
        var bytes = Encoding.UTF8.GetByteCount(text);
        if (format == KernelFormat.Image && bytes > MaxLinuxBytes)
        {
            throw new MachineConfigurationException(
                $"The kernel's command line has {bytes} bytes, and Linux takes at most {MaxLinuxBytes}; shorten it.");
        }
    }
}
