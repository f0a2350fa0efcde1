"""autolog"""
