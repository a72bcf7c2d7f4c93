namespace Warren.Images.Tests;

/// <summary>Small files made once by the xz program (5.4), so that the decoder is tested where xz is not installed.</summary>
internal static class XzSamples
{
    private const string Text =
        "the quick brown fox jumps over the lazy dog; the quick brown fox jumps over the lazy dog; the quick brown fox jumps over the "
        + "lazy dog; "
        + "abcabcabcabcabc zzzzzzzzzzzzzzzzzzzz 0123456789 the lazy quick dog";

    public static IReadOnlyList<(string Name, string File, string Content)> All { get; } =
    [
        ("crc64",
            "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ADIAEtdADoaCM52x+Xp1gc0w9EOv85V4aq94OSPmAHdjeUHVJ5lJV8nOmp+tNNJBVEi07Ff44vGg5vB+JFIxUBE"
            + "UIkLvTov0pJcxg/NGkJoAAAAGIQPsbAnzDAAAWfJAQAAAPAGHYqxxGf7AgAAAAAEWVo=",
            Text),
        ("crc32",
            "/Td6WFoAAAFpIt42AgAhAQwAAACPmEGc4ADIAExdADoaCM52x+Xp1gc0w9EOv85V4aq94OSPmAHdjeUHVJ5lJV8nOmp+tNNJBVEi07Ff44vGg5vB+JFIxUBE"
            + "UIkLvTov0qKGG4i93bXAAAAA4K5/qAABZMkBAAAAXnSJDD4wDYsCAAAAAAFZWg==",
            Text),
        ("sha256 in blocks",
            "/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4AA/ADJdADoaCM52x+Xp1gc0w9EOv85V4aq94OSPmAHdjeUHVJ5lJV8nOmp+tNNJBVEijvQLogAAAAAAErbSB+n0"
            + "1ZJOZDFEhPeefhYR4ftxy2KhvOxHwANme0ICACEBFgAAAHQv5aPgAD8AMV0AEBqKpu94rzGtiNmTQi1vwh3O3S8Tzpea5FpOPLKRxYo+/wahk3qX8GlL194A"
            + "qpOAAAAAAACRRJs08zKIGvrvXP26Iafjie1ACUO12JFpNAb6Ydf9dgIAIQEWAAAAdC/lo+AAPwAqXQA8iAiHM8MktbXgiZFFvVUNTszjlxz2+x7AIpwddm4J"
            + "Gdf8kvUpHICBOAAAAABH5wqrveP1u++TZUvBA5MY7wLSAU6jDrpi9tDUpi/ffwIAIQEWAAAAdC/lowEACHF1aWNrIGRvZwAAAACM8EC3Q8TBS+/nP31W62yJ"
            + "FrkoFWwa8M3tp4RKmavnGwAEZkBlQF5AOQkAABGk4vkTOoPXAwAAAAAKWVo=",
            Text),
        ("stored",
            "/Td6WFoAAAFpIt42AgAhARYAAAB0L+WjAQADUTcheAAjqJChAAEYBGvp8KWQQpkNAQAAAAABWVo=",
            "Q7!x"),
        ("empty",
            "/Td6WFoAAATm1rRGAAAAABzfRCEftvN9AQAAAAAEWVo=",
            ""),
        ("sizes in headers",
            "/Td6WFoAAATm1rRGBMBTyQEhARYAAAAAAAAAALuQQZHgAMgAS10AOhoIznbH5enWBzTD0Q6/zlXhqr3g5I+YAd2N5QdUnmUlXyc6an6000kFUSLTsV/ji8aD"
            + "m8H4kUjFQERQiQu9Oi/SklzGD80aQmgAAAAYhA+xsCfMMAABb8kBAAAAnYROZrHEZ/sCAAAAAARZWg==",
            Text),
    ];
}
