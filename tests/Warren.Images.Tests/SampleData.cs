namespace Warren.Images.Tests;

/// <summary>Inputs of known shape: text-like, with long and short matches, and noise.</summary>
internal static class SampleData
{
    public static byte[] Mixed(int seed, int length)
    {
        Random random = new(seed);
        var data = new byte[length];
        var at = 0;
        while (at < length)
        {
            var run = Math.Min(length - at, random.Next(1, 600));
            switch (random.Next(4))
            {
                case 0:
                    random.NextBytes(data.AsSpan(at, run));
                    break;
                case 1:
                    data.AsSpan(at, run).Fill((byte)random.Next(256));
                    break;
                case 2:
                    for (var i = 0; i < run; i++)
                        data[at + i] = (byte)('a' + random.Next(6));
                    break;
                default:
                    var distance = at == 0 ? 0 : random.Next(1, at + 1);
                    for (var i = 0; i < run; i++)
                        data[at + i] = distance == 0 ? (byte)i : data[at + i - distance];
                    break;
            }
            at += run;
        }
        return data;
    }
}
